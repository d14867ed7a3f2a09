"""What a task reads besides the run's clip: further inputs by role, a prompt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

Policy: TypeAlias = Literal["needed", "optional", "refused"]


@dataclass(frozen=True)
class Group:
    """Roles of which a run gives one.

    Attributes:
        clips: roles that a clip fills (``role=clip:NAME``).
        files: roles that a file fills (``role=FILE``); a role may be in both.
        folders: roles that a folder of pictures fills (``role=FOLDER``).
        needed: False where the task does without, too.
    """

    clips: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()
    folders: frozenset[str] = frozenset()
    needed: bool = True

    @property
    def names(self) -> frozenset[str]:
        """Every role of the group."""
        return self.clips | self.files | self.folders

    def forms(self, role: str) -> str:
        """How an input may be given, as errors and help say it."""
        ways = [f"{role}=clip:NAME"] * (role in self.clips) + [f"{role}=FILE"] * (role in self.files)
        return " or ".join([*ways, *[f"{role}=FOLDER"] * (role in self.folders)])


@dataclass(frozen=True)
class Roles:
    """What a task reads besides the clip, and whether it reads that.

    Attributes:
        groups: further inputs; of each group a run gives one.
        prompt: whether the task reads a text.
        clip: whether it reads the run's clip.
    """

    groups: tuple[Group, ...] = ()
    prompt: Policy = "refused"
    clip: Policy = "needed"

    @classmethod
    def of(
        cls,
        either: str = "",
        *,
        clips: str = "",
        files: str = "",
        folders: str = "",
        needed: bool = True,
        prompt: Policy = "refused",
        clip: Policy = "needed",
    ) -> Roles:
        """One group, from names with spaces between them; `either`: a clip or a file will do."""
        return cls((), prompt, clip).also(either, clips=clips, files=files, folders=folders, needed=needed)

    def also(
        self, either: str = "", *, clips: str = "", files: str = "", folders: str = "", needed: bool = True
    ) -> Roles:
        """The same with one more group."""
        both = either.split()
        group = Group(
            frozenset(both + clips.split()), frozenset(both + files.split()), frozenset(folders.split()), needed
        )
        return replace(self, groups=(*self.groups, group)) if group.names else self

    def group_of(self, role: str) -> Group | None:
        """The group that a role belongs to."""
        return next((group for group in self.groups if role in group.names), None)

    @property
    def names(self) -> tuple[str, ...]:
        """Every role, in order."""
        return tuple(sorted(name for group in self.groups for name in group.names))
