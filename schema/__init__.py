"""The stitched schema: merges the contexts' types, enforces directives and limits, executes documents."""
