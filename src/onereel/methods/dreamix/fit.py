"""Mixed fine-tuning (section 4.2): the input as a video, and as frames that know nothing of each other."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from onereel.methods.base import Inputs, Job
from onereel.methods.dreamix.config import DreamixConfig
from onereel.methods.dreamix.editor import Editor, Material, editor_class
from onereel.methods.dreamix.parts import stage_and_tuning
from onereel.methods.dreamix.pictures import pictures_of
from onereel.methods.dreamix.shape import Footage, draw_pictures, draw_video, footage_of, footage_of_pictures
from onereel.training.adapters import adapter_state, add_lora
from onereel.training.loop import train
from onereel.training.trainer import Loss, Trainer, trained_state

_MOST_PICTURES = 16  # in a step, where the model's videos are longer


def fit(part: str, inputs: Inputs, config: DreamixConfig, job: Job) -> Mapping[str, Tensor]:
    """Fine-tune one stage; return its weights, or its adapters.

    Args:
        part: of `onereel.methods.dreamix.parts.parts_of`.
        inputs: the clip, or pictures.
        config: settings.
        job: with the backbone.

    Raises: MethodError if values are not finite; WeightsError if the backbone is damaged.
    """
    stage, tuning = stage_and_tuning(part, config)
    weights = job.backbone(config.backbone)
    editor = editor_class(weights).load(weights, config, job.device, training=True)
    material = editor.material(stage, footage(inputs, editor))
    network = editor.network(stage)
    if config.adapter == "lora":
        add_lora(network, editor.targets(stage), rank=config.lora_rank, alpha=config.lora_rank, seed=job.seed)
    else:
        network.requires_grad_(True)
    editor.save_memory()
    loss = mixed_loss(editor, stage, material, tuning.alpha)
    place = {"steps": tuning.steps, "device": job.device, "seed": job.seed}
    trainer = Trainer(network, loss, config.training, **place)  # type: ignore[arg-type]
    train(trainer, steps=tuning.steps, workdir=job.workdir, progress=job.progress, label=f"dreamix {part}")
    with trainer.evaluated() as tuned:
        state = adapter_state(tuned) if config.adapter == "lora" else trained_state(tuned)
        return {name: value.detach().clone() for name, value in state.items()}


def footage(inputs: Inputs, editor: Editor) -> Footage:
    """What a part is trained on, at the editor's scale: the clip, or else the pictures."""
    if inputs.clip is not None:
        return footage_of(inputs.clip, editor.side, editor.step, editor.frames_for(inputs.clip.size[0]))
    return footage_of_pictures(pictures_of(inputs), editor.side, editor.step)


def mixed_loss(editor: Editor, stage: str, material: Material, alpha: float) -> Loss:
    """alpha times the video objective and 1 - alpha times the frames' (Eq. 4); one of weight 0 is not computed.

    Args:
        editor: with the stage.
        stage: of `Editor.stages`.
        material: of that stage.
        alpha: in [0, 1]; without a video it must be 0.
    """
    config = editor.config
    pictures = config.pictures or min(material.window[0], _MOST_PICTURES)

    def loss(network: nn.Module, generator: torch.Generator, step: int) -> Tensor:
        total = torch.zeros((), device=editor.device)
        if alpha and material.video is not None:
            clean = draw_video(material.video, config.training.batch, material.window, generator)
            text = material.text.repeated(len(clean))
            total = total + alpha * editor.error(stage, network, clean, text, generator, video=True).mean()
        if alpha < 1:
            clean = draw_pictures(material.pictures, pictures, material.window, generator)
            text = material.text.repeated(len(clean))
            total = total + (1 - alpha) * editor.error(stage, network, clean, text, generator, video=False).mean()
        return total

    return loss
