"""Breadth-first execution: each field once for all objects of a level (docs/adr/0010-breadth-first-execution.md).

The modules are named after the specification's algorithms and read in this order: `collect_fields` compiles a
document into the plan of `plan`; `execute_operation` walks it level by level; `resolve_field` gets a field's
column of values; `complete_value` makes the response of it, propagating nulls; `stock` is graphql-core's executor,
for what the plan does not cover and for comparison.
"""
