"""Published files as networks of diffusers and transformers, with an account of every key.

Both libraries go on where a key of a file finds no place, or a weight of the network gets none, and only log it; a
network that is random in one layer makes pictures that are wrong in a way that nobody traces back. Here what does not
fit is refused, unless `onereel.backbones.families` says that it may, and why.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from onereel.backbones.families import Component, family_of
from onereel.base.errors import WeightsError
from onereel.base.files import read_json
from onereel.base.tensorfiles import first_line
from onereel.diffusion.process import Process
from onereel.diffusion.settings import ProcessConfig
from onereel.weights.store import Resolved

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Report:
    """What became of the keys of a file.

    Attributes:
        missing: weights of the network that the file does not have.
        unexpected: keys of the file that the network does not have.
        mismatched: keys whose weights have another shape.
    """

    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    mismatched: tuple[str, ...] = ()

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> "Report":
        """From what ``from_pretrained(output_loading_info=True)`` says."""

        def names(key: str) -> tuple[str, ...]:
            return tuple(sorted(str(item[0] if isinstance(item, tuple) else item) for item in info.get(key) or ()))

        return cls(names("missing_keys"), names("unexpected_keys"), names("mismatched_keys"))

    def excused(self, component: Component) -> dict[str, str]:
        """Keys that did not land and need not, and why."""
        pairs = [("missing", key) for key in self.missing] + [("unexpected", key) for key in self.unexpected]
        return {key: why for where, key in pairs if (why := component.excused(key, where))}

    def check(self, where: str, component: Component) -> None:
        """Refuse what is not excused.

        Raises: WeightsError in one line that begins with `where`.
        """
        excused = self.excused(component)
        kinds = {"missing": self.missing, "left over": self.unexpected, "of another shape": self.mismatched}
        for kind, keys in kinds.items():
            if wrong := [key for key in keys if key not in excused]:
                problem = f"{len(wrong)} weights of a {component.name} are {kind}, '{wrong[0]}' the first"
                raise WeightsError(where, problem, "fetch it again; if it stays, the files are of another model")


def load_component(weights: Resolved, folder: str, dtype: torch.dtype) -> nn.Module:
    """A network of a fetched model, on the CPU, in evaluation mode; every key accounted for.

    Args:
        weights: a model of a family that has this folder.
        folder: a key of its family's components.
        dtype: of its weights; layers that the class keeps in float32 stay so.

    Raises: WeightsError in one line if files are missing, damaged, or not of the family's class.
    """
    where = f"weights '{weights.name}', {folder or 'model'}"
    component = family_of(where, getattr(weights.entry, "family", "")).components[folder]
    return load_folder(where, weights.subfolder(folder), component, dtype)


def meta_component(weights: Resolved, folder: str, dtype: torch.dtype) -> nn.Module:
    """A network of a fetched model on the ``meta`` device: from its configuration alone, without values.

    Raises: WeightsError in one line if its files are missing, damaged, or not of the family's class.
    """
    where = f"weights '{weights.name}', {folder or 'model'}"
    component = family_of(where, getattr(weights.entry, "family", "")).components[folder]
    held = [part for part, (path, _) in weights.parts.items() if path.match(f"{folder or weights.name}/config.json")]
    if not held:
        raise WeightsError(where, "has no configuration", "correct config/backbones.yaml")
    path = weights.path(held[0])  # of the folder's files this alone is read
    _check_class(where, path.parent, component)
    try:
        config = read_json(path)
    except (OSError, ValueError) as error:
        problem = f"its configuration cannot be read ({first_line(error)})"
        raise WeightsError(where, problem, f"run: onereel weights fetch {weights.name}") from None
    return build_meta(where, component, config, dtype)


def build_meta(where: str, component: Component, config: Mapping[str, Any], dtype: torch.dtype) -> nn.Module:
    """A network of this configuration on the ``meta`` device.

    Raises: WeightsError in one line that begins with `where`.
    """
    kind = component.load_class()
    try:
        with quiet(), torch.device("meta"):
            ours = component.kind.startswith("diffusers.")
            network: nn.Module = kind.from_config(config) if ours else kind(kind.config_class.from_dict(config))
            network.to(dtype)
    except (ValueError, TypeError, RuntimeError, KeyError) as error:
        problem = f"its configuration makes no {component.name} ({first_line(error)})"
        raise WeightsError(where, problem, "fetch it again; if it stays, the files are of another model") from None
    return network.eval().requires_grad_(False)


def load_folder(where: str, path: Path, component: Component, dtype: torch.dtype) -> nn.Module:
    """`load_component` of any folder with a configuration and safetensors.

    Raises: WeightsError in one line that begins with `where`.
    """
    _check_class(where, path, component)
    ours = component.kind.startswith("diffusers.")
    options: dict[str, Any] = {"torch_dtype" if ours else "dtype": dtype, "local_files_only": True}
    try:
        with quiet():
            model, info = component.load_class().from_pretrained(
                path, output_loading_info=True, use_safetensors=True, **options
            )
    except (OSError, ValueError, TypeError, RuntimeError, KeyError) as error:
        problem = f"cannot be read as a {component.name} ({first_line(error)})"
        raise WeightsError(where, problem, "fetch it again; if it stays, the files are of another model") from None
    report = Report.of(info)
    report.check(where, component)
    for key, why in report.excused(component).items():
        log.debug("%s: %s: %s", where, key, why)
    network: nn.Module = model.eval().requires_grad_(False)
    return network


def load_process(where: str, path: Path) -> Process:
    """The diffusion process that a published ``scheduler_config.json`` describes; its way of sampling is not read.

    Raises: WeightsError in one line that begins with `where` if it is none that `onereel.diffusion` knows.
    """
    try:
        given = read_json(path)
        schedule = {"squaredcos_cap_v2": "cosine"}.get(given["beta_schedule"], given["beta_schedule"])
        betas = {} if schedule == "cosine" else {key: given.get(key) for key in ("beta_start", "beta_end")}
        about = {
            "num_train_timesteps": given.get("num_train_timesteps", 1000),
            "beta_schedule": schedule,
            **betas,
            "prediction_type": given.get("prediction_type", "epsilon"),
            "rescale_betas_zero_snr": given.get("rescale_betas_zero_snr", False),
            "clip_sample": False,
        }
        return Process(ProcessConfig.model_validate(about))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        problem = f"'{path.name}' describes no process that is known here ({first_line(error)})"
        raise WeightsError(where, problem, "fetch it again; if it stays, the files are of another model") from None


@contextmanager
def placed(module: nn.Module, device: torch.device | str, *, offload: bool) -> Iterator[None]:
    """Have a network on a device for as long as it is needed; with `offload` it leaves the device again."""
    module.to(device)
    try:
        yield
    finally:
        if offload and torch.device(device).type != "cpu":
            module.to("cpu")
            torch.cuda.empty_cache()


def _check_class(where: str, path: Path, component: Component) -> None:
    """diffusers builds its own class whatever a configuration says that it is of."""
    named: object = None
    with suppress(OSError, ValueError):  # `from_pretrained` says what is wrong with it
        named = read_json(path / "config.json").get("_class_name")
    if named and named != component.name:
        raise WeightsError(where, f"is a {named}, not a {component.name}", "correct its family in the list")


@contextmanager
def quiet() -> Iterator[None]:
    """The libraries' own words about keys are said once, by us."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    libraries = (diffusers_logging, transformers_logging)
    kept = [(library, library.get_verbosity(), library.is_progress_bar_enabled()) for library in libraries]
    for library in libraries:
        library.set_verbosity_error()
        library.disable_progress_bar()
    try:
        yield
    finally:
        for library, level, bars in kept:
            library.set_verbosity(level)
            if bars:
                library.enable_progress_bar()
