"""Every key that a project file may have, by its path as the documentation writes it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, Tag, create_model
from pydantic.fields import FieldInfo

from nurture.project.environment import expand
from nurture.project.schema_base import Strict
from nurture.project.schema_qualification import GateModel, StageModel, TraitModel
from nurture.project.schema_sequence import AnyStep
from nurture.project.schema_workspace import FieldModel
from nurture.project.yaml_file import read

PLACEHOLDERS: dict[type[BaseModel], str] = {
    FieldModel: "OWNER",
    GateModel: "GATE",
    StageModel: "STAGE",
    TraitModel: "TRAIT",
}
"""What stands for keys that differ in nothing but their name."""

_VARIABLE = re.compile(r"\$\{(\w+)\}")
SECRET = "whsec_ZXhhbXBsZSBvbmx5OiBub3RoaW5nIGlzIHNpZ25lZCBieSB0aGlz"
PUBLIC_KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n"
    "60p8D54WK84zV2sxXs7LtkBoN79R9Q=="
)


def environment(*texts: str) -> dict[str, str]:
    """Return what every variable that the texts name without a default could hold."""
    named = {name for text in texts for name in _VARIABLE.findall(text)}
    return {name: PUBLIC_KEY if name.endswith("_WEBHOOK_KEY") else SECRET for name in named}


def step_models() -> dict[str, type[BaseModel]]:
    """Return the model of each kind of step."""
    found = {}
    for option in get_args(get_args(AnyStep)[0]):
        model, tag = get_args(option)
        assert isinstance(tag, Tag)
        found[tag.tag.removeprefix("step:")] = model
    return found


def keys_of(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Yield path and field of every key, also of those inside lists and mappings."""
    for name, info in model.model_fields.items():
        key = info.alias or name
        shape, inner = _inner(info.annotation)
        if not inner or key == "steps":
            yield prefix + key, info
        for one in inner if key != "steps" else ():
            yield from keys_of(one, f"{prefix}{PLACEHOLDERS.get(one, key)}{shape}.")


def _inner(annotation: Any) -> tuple[str, list[type[BaseModel]]]:
    """Return how models are nested in a type, and which."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _inner(arguments[0])
    if origin is list:
        return "[]", _inner(arguments[0])[1]
    if origin is dict:
        return ".NAME", _inner(arguments[1])[1]
    if origin is not None:
        return "", [model for argument in arguments for model in _inner(argument)[1]]
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return "", [annotation] if is_model else []


def value_of(info: FieldInfo, text: str) -> object:
    """Return the value that the key has in `key: value`; a wrong one raises."""
    document, _ = expand(read(text, file="nurture.yaml"), environment(text))
    assert isinstance(document.content, dict)
    assert info.annotation is not None
    one = create_model("One", __base__=Strict, it=(info.annotation, info))
    (value,) = document.content.values()
    return dict(one.model_validate({info.alias or "it": value}))["it"]
