# SPDX-License-Identifier: MIT
"""JSON Schema (2020-12), in the subset that the configuration's schema uses. An unknown keyword is an error of the test, so that
no part of the schema goes unchecked by accident.
"""
import re

_annotations = {"$schema", "$defs", "title", "description", "default"}
_types = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
    "integer": lambda v: not isinstance(v, bool) and (isinstance(v, int) or isinstance(v, float) and v.is_integer()),
    "number": lambda v: not isinstance(v, bool) and isinstance(v, (int, float)),
}


def _same(a, b):
    return type(a) is type(b) and a == b or isinstance(a, (int, float)) and not isinstance(a, bool) \
        and isinstance(b, (int, float)) and not isinstance(b, bool) and a == b


class Schema:
    def __init__(self, document):
        self.root = document

    def faults(self, value, schema=None, at=""):
        """A sentence for each fault of `value`. Empty: the schema accepts it."""
        schema = self.root if schema is None else schema
        if schema is True:
            return []
        if schema is False:
            return [f"{at}: not allowed"]
        found = []
        for keyword, argument in schema.items():
            if keyword in _annotations or keyword in ("then", "else"):
                continue
            rule = getattr(self, "_" + keyword.lstrip("$"), None)
            if rule is None:
                raise AssertionError(f"the schema uses {keyword}, which this checker does not know")
            found += rule(argument, value, schema, at)
        return found

    def accepts(self, value, schema):
        return not self.faults(value, schema)

    def _ref(self, argument, value, schema, at):
        target = self.root
        for step in argument.removeprefix("#/").split("/"):
            target = target[step]
        return self.faults(value, target, at)

    def _type(self, argument, value, schema, at):
        kinds = argument if isinstance(argument, list) else [argument]
        return [] if any(_types[kind](value) for kind in kinds) else [f"{at}: no {argument}"]

    def _enum(self, argument, value, schema, at):
        return [] if any(_same(value, one) for one in argument) else [f"{at}: none of {argument}"]

    def _const(self, argument, value, schema, at):
        return [] if _same(value, argument) else [f"{at}: not {argument}"]

    def _pattern(self, argument, value, schema, at):
        return [] if not isinstance(value, str) or re.search(argument, value) else [f"{at}: not like {argument}"]

    def _bound(self, holds, value, at, what):
        return [] if not _types["number"](value) or holds else [f"{at}: {what}"]

    def _minimum(self, argument, value, schema, at):
        return self._bound(_types["number"](value) and value >= argument, value, at, f"below {argument}")

    def _maximum(self, argument, value, schema, at):
        return self._bound(_types["number"](value) and value <= argument, value, at, f"above {argument}")

    def _minLength(self, argument, value, schema, at):
        return [] if not isinstance(value, str) or len(value) >= argument else [f"{at}: too short"]

    def _maxLength(self, argument, value, schema, at):
        return [] if not isinstance(value, str) or len(value) <= argument else [f"{at}: too long"]

    def _minItems(self, argument, value, schema, at):
        return [] if not isinstance(value, list) or len(value) >= argument else [f"{at}: too few"]

    def _maxItems(self, argument, value, schema, at):
        return [] if not isinstance(value, list) or len(value) <= argument else [f"{at}: too many"]

    def _minProperties(self, argument, value, schema, at):
        return [] if not isinstance(value, dict) or len(value) >= argument else [f"{at}: too few keys"]

    def _maxProperties(self, argument, value, schema, at):
        return [] if not isinstance(value, dict) or len(value) <= argument else [f"{at}: too many keys"]

    def _items(self, argument, value, schema, at):
        if not isinstance(value, list):
            return []
        return [fault for i, one in enumerate(value) for fault in self.faults(one, argument, f"{at}/{i}")]

    def _properties(self, argument, value, schema, at):
        if not isinstance(value, dict):
            return []
        return [fault for key, one in argument.items() if key in value
                for fault in self.faults(value[key], one, f"{at}/{key}")]

    def _additionalProperties(self, argument, value, schema, at):
        if not isinstance(value, dict):
            return []
        return [fault for key, one in value.items() if key not in schema.get("properties", {})
                for fault in self.faults(one, argument, f"{at}/{key}")]

    def _propertyNames(self, argument, value, schema, at):
        if not isinstance(value, dict):
            return []
        return [fault for key in value for fault in self.faults(key, argument, f"{at}/{key}")]

    def _required(self, argument, value, schema, at):
        return [f"{at}: no {key}" for key in argument if isinstance(value, dict) and key not in value]

    def _allOf(self, argument, value, schema, at):
        return [fault for one in argument for fault in self.faults(value, one, at)]

    def _anyOf(self, argument, value, schema, at):
        return [] if any(self.accepts(value, one) for one in argument) else [f"{at}: none of the alternatives"]

    def _oneOf(self, argument, value, schema, at):
        fitting = sum(self.accepts(value, one) for one in argument)
        return [] if fitting == 1 else [f"{at}: {fitting} of the alternatives"]

    def _not(self, argument, value, schema, at):
        return [f"{at}: forbidden"] if self.accepts(value, argument) else []

    def _if(self, argument, value, schema, at):
        branch = "then" if self.accepts(value, argument) else "else"
        return self.faults(value, schema.get(branch, True), at)
