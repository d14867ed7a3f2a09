"""``onereel scenes ...``"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from onereel.cli import options
from onereel.cli.options import example

app = typer.Typer(help="Procedural videos with exact depth, flow, masks and captions.", no_args_is_help=True)


@app.command("render")
@example('onereel scenes render "balloons?seed=3&frames=24&height=144&width=256" balloons.mkv')
def scenes_render(
    scene: Annotated[str, typer.Argument(help="NAME or NAME?seed=…&frames=…&height=…&width=…&fps=….")],
    out: Annotated[
        Path, typer.Argument(help="Lossless clip to write (.mkv); preview, manifest and truth lie beside it.")
    ],
    overwrite: options.Overwrite = False,
) -> None:
    """Render a scene; depth, flow, occlusion and masks go to OUT.npz."""
    import numpy as np

    from onereel import scenes
    from onereel.base.outputs import Result, check_outputs, write_result
    from onereel.video import clip as clips

    options.expect_suffix(out, ".mkv")
    result = Result("clip", out.parent, out.stem, (".mkv", ".mp4", ".npz"))
    check_outputs([result], [], overwrite=overwrite)
    made = scenes.render_spec(scene)
    clip = clips.Clip(made.frames, made.fps)
    manifest = {"name": out.stem, "source": f"scene:{scene.removeprefix('scene:')}", "caption": made.caption}
    truth: dict[str, Any] = {f"mask_{name}": mask for name, mask in made.masks.items()}
    truth |= {"depth": made.depth, "flow": made.flow, "occluded": made.occluded}
    writers: dict[str, Callable[[Path], None]] = {
        ".mkv": lambda path: clips.write(path, clip),
        ".mp4": lambda path: clips.write_preview(path, clip),
        ".npz": lambda path: np.savez_compressed(path, **truth),
    }
    write_result(result, {**manifest, "attributes": made.attributes}, writers)
    typer.echo(f"{out}: {made.caption}")


@app.command("sheet")
@example("onereel scenes sheet world.png --what edits --seed 7")
def scenes_sheet(
    out: Annotated[Path, typer.Argument(help="Picture to write (.png).")],
    what: Annotated[
        str, typer.Option(help="Of the scene `world`: seeds, kinds, styles, edits (with masks) or truth.")
    ] = "seeds",
    seed: Annotated[int, typer.Option(help="First seed.")] = 0,
    count: Annotated[int, typer.Option(help="Worlds, for seeds and truth.")] = 24,
    height: Annotated[int, typer.Option(help="Pixels of a picture.")] = 128,
    columns: Annotated[int, typer.Option(help="Pictures in a row.")] = 6,
    overwrite: options.Overwrite = False,
) -> None:
    """Draw a contact sheet of many worlds with their captions; what it shows is said in a .json beside it."""
    from onereel.base.outputs import Result, check_outputs, write_result
    from onereel.scenes.world.sheet import sheet

    options.expect_suffix(out, ".png")
    result = Result("sheet", out.parent, out.stem, (".png",))
    check_outputs([result], [], overwrite=overwrite)
    asked = {"what": what, "seed": seed, "count": count, "height": height, "columns": columns}
    page = sheet(what, seed=seed, count=count, height=height, columns=columns)
    write_result(result, asked, {".png": lambda path: page.save(path, format="PNG", optimize=True)})
    typer.echo(f"{out}: {page.width}x{page.height}")


@app.command("list")
def scenes_list() -> None:
    """Names of the scenes."""
    from onereel.scenes import scene_names

    typer.echo("\n".join(scene_names()))
