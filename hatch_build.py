"""Ship the starter project in the wheel: it exists once, as this repository's root."""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class StarterHook(BuildHookInterface):
    """Place the files that pyproject.toml lists beside the package's own."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add them to a wheel; an editable install uses the root itself."""
        if version == "standard":
            for name in self.config["starter"]:
                build_data["force_include"][name] = f"nurture/starter/{name}"
