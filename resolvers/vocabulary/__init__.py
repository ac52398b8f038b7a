"""The words every context's GraphQL types share. Nothing here knows a particular context's rules."""
