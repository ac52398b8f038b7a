"""What the libraries do not do for @oneOf input objects by themselves."""

from typing import Any

from graphql import (
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLSchema,
    OperationDefinitionNode,
    ValidationContext,
    ValidationRule,
    get_named_type,
    get_nullable_type,
    is_nullable_type,
    type_from_ast,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.base import StrawberryObjectDefinition


def tell_one_of(schema: GraphQLSchema) -> None:
    """Tell graphql-core which input objects are @oneOf.

    Strawberry checks them itself, while values are coerced. Untold, graphql-core's validation lets a literal with two
    keys through, and a request that is invalid is executed until it meets it.
    """
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLInputObjectType):
            declared = (type_.extensions or {}).get(GraphQLCoreConverter.DEFINITION_BACKREF)
            type_.is_one_of = isinstance(declared, StrawberryObjectDefinition) and declared.is_one_of


class OneOfVariables(ValidationRule):
    """A variable that is the field of a @oneOf input object must not be null.

    graphql-core's rule misses the objects whose position is itself non-null, or a list.
    """

    context: ValidationContext

    def leave_operation_definition(self, operation: OperationDefinitionNode, *_: object) -> None:
        definitions = {each.variable.name.value: each for each in operation.variable_definitions or ()}
        for usage in self.context.get_recursive_variable_usages(operation):
            within: Any = usage.parent_type  # Any: graphql-core's union of input types
            definition = definitions.get(usage.node.name.value)
            if within is None or definition is None or isinstance(within, GraphQLInputObjectType):
                continue  # no field of an input object, or said by graphql-core's rule
            if isinstance(lists := get_nullable_type(within), GraphQLList) and lists.of_type is usage.type:
                continue  # an item of a list, which may be null if the list says so
            named = get_named_type(within)
            if not isinstance(named, GraphQLInputObjectType) or not named.is_one_of:
                continue
            if is_nullable_type(type_from_ast(self.context.schema, definition.type)):
                self.report_error(
                    GraphQLError(
                        f"Variable '${usage.node.name.value}' must be non-nullable to be used for OneOf"
                        f" Input Object '{named}'.",
                        [definition, usage.node],
                    )
                )
