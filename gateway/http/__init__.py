"""What this server speaks: GraphQL over HTTP, and the few routes around it."""
