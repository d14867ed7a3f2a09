"""What SinGAN-GIF and its baseline have in common as methods. Needs no torch: the workflow reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from onereel.methods import check_inputs, check_task
from onereel.methods.base import BaseMethod, Inputs, Job, MethodConfig, Part, Task
from onereel.methods.roles import Roles
from onereel.methods.singan.config import PyramidConfig
from onereel.methods.singan.parts import PyramidPart, pyramid_of

if TYPE_CHECKING:
    import torch

    from onereel.video.clip import Clip


class PyramidMethod(BaseMethod):
    """A method whose only trained parts are pyramids of generators; its settings are a `PyramidConfig`."""

    Config: ClassVar[type[MethodConfig]] = PyramidConfig
    trained_by = ("methods.singan.fit",)
    roles: ClassVar[Mapping[Task, Roles]] = {
        Task.COMPOSE: Roles.of("edited", files="copies"),
        Task.MOTION_TRANSFER: Roles.of("picture"),
    }

    def parts(self, task: Task, config: Any) -> Mapping[str, Part]:
        """One pyramid; slow motion and super-resolution have their own."""
        return {pyramid_of(task, config).name: Part()}

    def fit(self, part: str, inputs: Inputs, config: Any, job: Job) -> Mapping[str, torch.Tensor]:
        """Train a pyramid; see `onereel.methods.singan.fit.fit`."""
        from onereel.methods.singan.fit import fit

        place = {"workdir": job.workdir, "device": job.device, "seed": job.seed, "progress": job.progress}
        label = f"{self.name} {part}"
        return fit(PyramidPart.parse(part), inputs.clip.frames, config, label=label, **place)  # type: ignore[arg-type]

    def check(self, task: Task, inputs: Inputs, config: Any, job: Job) -> None:
        """Refuse a clip, settings and inputs of which no training makes a sample."""
        from onereel.methods.singan.tasks import check

        check_inputs(self, task, inputs.clips, inputs.files)
        check(self.name, task, inputs, config, job.device)

    def guides(self, task: Task, inputs: Inputs, config: Any) -> Mapping[str, Clip]:
        """Of a composition of boxes: the clip with them pasted; else every further clip or picture."""
        if task != Task.COMPOSE or "copies" not in inputs.files:
            return super().guides(task, inputs, config)
        from onereel.methods.singan.copies import pasted

        return {"pasted": pasted(inputs.clip, inputs.files["copies"])[0]}

    def effects(self, task: Task, inputs: Inputs, config: Any, sample: Clip) -> Mapping[str, float]:
        """Whether seams vanish (``compose``, from boxes) and motion arrives (``motion_transfer``)."""
        from onereel.methods.singan.effects import of_composition, of_transfer

        match task:
            case Task.COMPOSE if "copies" in inputs.files:
                return of_composition(inputs, sample)
            case Task.MOTION_TRANSFER:
                return of_transfer(inputs.clip, sample)
            case _:
                return {}

    def sample_many(self, task: Task, inputs: Inputs, config: Any, seeds: Sequence[int], job: Job) -> list[Clip]:
        """Samples, one after the other; see `onereel.methods.singan.tasks`.

        Further inputs: ``compose`` takes the clip ``edited``, or the file ``copies`` (`onereel.methods.singan.copies`)
        that says what of the clip is copied where; ``motion_transfer`` the ``picture``, of which the first frame
        counts.

        Raises: MethodError for another task, a missing input, or settings that do not fit the clip.
        """
        from onereel.methods.singan.tasks import draw

        check_task(self, task)
        check_inputs(self, task, inputs.clips, inputs.files)
        return draw(self.name, task, inputs, config, seeds, job)
