"""The training loop: resume, curves, errors; the trainer: precision, accumulation, averages."""

import math
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
import torch
from torch import nn

from onereel.base.errors import MethodError, StoppedError
from onereel.base.progress import no_progress
from onereel.base.stopping import signals_held, stop_on_sigterm
from onereel.training.loop import CHECKPOINT, CURVES, Curves, generator_of, train
from onereel.training.settings import TrainingConfig
from onereel.training.trainer import Trainer

CPU = torch.device("cpu")


class StopError(Exception):
    """Raised by a test in the middle of a training."""


def fit_line(workdir, *, steps=60, stop_at=None, seed=0, checkpoint_seconds=0.0, during=None, **settings):
    """Train a linear layer on noisy points, calling ``during(step)`` in every step; return its weights."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = nn.Linear(3, 1)

    def loss(module, generator, step):
        if step == stop_at:
            raise StopError
        if during:
            during(step)
        points = torch.randn(8, 3, generator=generator)
        return (module(points) - points.sum(1, keepdim=True)).square().mean()

    config = TrainingConfig(learning_rate=0.05, precision="float32", **settings)
    trainer = Trainer(network, loss, config, steps=steps, device=CPU, seed=seed)
    train(
        trainer,
        steps=steps,
        workdir=workdir,
        progress=no_progress,
        label="line",
        checkpoint_seconds=checkpoint_seconds,
    )
    return trainer.result()


@pytest.mark.parametrize("average", [None, 0.9])
def test_a_stopped_training_ends_in_the_same_bytes(tmp_path, average):
    whole = fit_line(tmp_path / "whole", average=average)
    with pytest.raises(StopError):
        fit_line(tmp_path / "cut", stop_at=37, average=average)
    assert torch.load(tmp_path / "cut" / CHECKPOINT, weights_only=True)["step"] >= 30
    resumed = fit_line(tmp_path / "cut", average=average)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert _column(tmp_path / "whole" / CURVES, "loss") == _column(tmp_path / "cut" / CURVES, "loss")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_training_that_is_asked_to_stop_in_every_second_step_ends_in_the_same_bytes(tmp_path, number):
    """A scheduler that takes its machine back every few seconds, long before a checkpoint is due."""
    place = {"steps": 9, "average": 0.9, "checkpoint_seconds": 60.0}
    whole = fit_line(tmp_path / "whole", **place)
    before = signal.signal(number, signal.default_int_handler)  # a shell's job in the background ignores SIGINT
    stops = []
    try:
        while len(stops) < 9:
            try:
                resumed = fit_line(
                    tmp_path / "cut", during=lambda step: os.kill(os.getpid(), number) if step % 2 else None, **place
                )
                break
            except StoppedError as error:
                stops.append((str(error).split(";")[0], error.exit_code))
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)
    said = f"stopped by {number.name}, the state is kept"
    assert stops == [(f"line, step {step} of 9: {said}", 128 + number) for step in (2, 4, 6, 8)]
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert {path.name for path in (tmp_path / "cut").iterdir()} == {CHECKPOINT, CURVES}


def test_a_signal_that_came_too_late_for_the_work_is_not_lost():
    before = signal.getsignal(signal.SIGTERM)
    stop_on_sigterm()
    try:
        with pytest.raises(SystemExit, match="stopped by SIGTERM"), signals_held() as stop:  # noqa: PT012
            assert stop() is None
            os.kill(os.getpid(), signal.SIGTERM)
            assert stop() is signal.SIGTERM
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as `nohup` does for others
        with signals_held() as stop:
            os.kill(os.getpid(), signal.SIGTERM)
            assert stop() is None
    finally:
        signal.signal(signal.SIGTERM, before)


def test_kill_minus_nine_loses_no_more_than_a_checkpoint(tmp_path):
    """A real process, killed without a chance to clean up, then run again."""
    program = textwrap.dedent("""
        import sys, time, torch
        from pathlib import Path
        from torch import nn
        from onereel.base.progress import no_progress
        from onereel.training.trainer import Trainer
        from onereel.training.loop import train
        from onereel.training.settings import TrainingConfig
        folder, pause = Path(sys.argv[1]), float(sys.argv[2])
        torch.set_num_threads(1); torch.manual_seed(0); network = nn.Linear(3, 1)
        def loss(module, generator, step):
            time.sleep(pause)
            points = torch.randn(8, 3, generator=generator)
            return (module(points) - points.sum(1, keepdim=True)).square().mean()
        config = TrainingConfig(learning_rate=0.05, average=0.9, precision="float32")
        trainer = Trainer(network, loss, config, steps=200, device=torch.device("cpu"), seed=0)
        train(trainer, steps=200, workdir=folder, progress=no_progress, label="line", checkpoint_seconds=0.0)
        torch.save(trainer.result(), folder / "result.pt")
    """)

    def start(folder, pause):
        return subprocess.Popen([sys.executable, "-c", program, str(folder), str(pause)])

    assert start(tmp_path / "whole", 0).wait(timeout=120) == 0
    victim = start(tmp_path / "cut", 0.02)
    deadline = time.monotonic() + 120
    while not (tmp_path / "cut" / CHECKPOINT).exists():
        assert time.monotonic() < deadline, "no checkpoint"
        time.sleep(0.05)
    time.sleep(0.3)
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait()
    assert not (tmp_path / "cut" / "result.pt").exists()
    assert start(tmp_path / "cut", 0).wait(timeout=120) == 0
    whole, again = (torch.load(tmp_path / name / "result.pt", weights_only=True) for name in ("whole", "cut"))
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_a_finished_training_is_not_trained_again(tmp_path):
    first = fit_line(tmp_path)
    again = fit_line(tmp_path, stop_at=0)  # would raise at its first step
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_a_damaged_checkpoint_starts_anew(tmp_path, caplog):
    first = fit_line(tmp_path)
    (tmp_path / CHECKPOINT).write_bytes(b"PK\x03\x04 half a file")
    again = fit_line(tmp_path)
    assert "starts anew" in caplog.text
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_a_wrong_bit_in_a_checkpoint_starts_anew(tmp_path, caplog):
    first = fit_line(tmp_path)
    data = bytearray((tmp_path / CHECKPOINT).read_bytes())
    kept = torch.load(tmp_path / CHECKPOINT, weights_only=True)["trainee"]["network"]["weight"]
    at = data.index(kept.numpy().tobytes())
    data[at + 1] ^= 1
    (tmp_path / CHECKPOINT).write_bytes(data)
    again = fit_line(tmp_path)
    assert "starts anew" in caplog.text
    assert all(torch.equal(first[name], again[name]) for name in first)


@pytest.mark.parametrize(
    "change",
    [
        lambda kept: kept.pop("trainee"),
        lambda kept: kept.update(step=61),
        lambda kept: kept.update(step=None),
        lambda kept: kept.update(rows=[{"step": "x", "seconds": 1.0}]),
        lambda kept: kept["trainee"]["network"].update(weight=torch.zeros(1, 4)),
        lambda kept: kept["trainee"]["optimiser"]["state"][0].update(exp_avg=torch.zeros(4)),
        lambda kept: kept["trainee"].pop("ema"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused_in_one_line(tmp_path, change):
    fit_line(tmp_path, average=0.9)
    kept = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    change(kept)
    torch.save(kept, tmp_path / CHECKPOINT)
    with pytest.raises(MethodError, match=r"checkpoint\.pt': is no checkpoint of this training .*; delete it"):
        fit_line(tmp_path, average=0.9)


def test_a_loss_that_is_not_finite_stops_with_one_line(tmp_path):
    network = nn.Linear(1, 1)

    def loss(module, generator, step):
        value = module(torch.ones(1, 1)).sum()
        return value * float("nan") if step == 5 else value

    trainer = Trainer(network, loss, TrainingConfig(precision="float32"), steps=20, device=CPU, seed=0)
    with pytest.raises(MethodError, match=r"line, step 6: loss is nan; lower the learning rate"):
        train(trainer, steps=20, workdir=tmp_path, progress=no_progress, label="line", checkpoint_seconds=0.0)
    assert torch.load(tmp_path / CHECKPOINT, weights_only=True)["step"] <= 5, "the checkpoint is from before"


def test_curves_are_means_between_their_points(tmp_path):
    curves = Curves()
    for value in (1.0, torch.tensor(2.0), 6.0):
        curves.add({"loss": value})
    curves.close(3, 1.5, {"psnr": 20.0}, "x", "stop")
    curves.add({"loss": 5.0})
    curves.close(4, 2.0, {}, "x", "stop")
    curves.write(tmp_path / CURVES)
    lines = (tmp_path / CURVES).read_text().splitlines()
    assert lines == ["step\tseconds\tloss\tpsnr", "3\t1.5\t3\t20", "4\t2\t5\t"]
    assert curves.status() == "loss 5"


def test_evaluation_time_is_no_training_time(tmp_path):
    network = nn.Linear(1, 1)
    trainer = Trainer(
        network, lambda module, *_: module(torch.ones(1, 1)).sum(), TrainingConfig(), steps=4, device=CPU, seed=0
    )

    def slow(step, before):
        assert before == ({"psnr": 1.0} if step > 1 else {})
        time.sleep(0.2)
        return {"psnr": 1.0}

    train(trainer, steps=4, workdir=tmp_path, progress=no_progress, label="x", evaluate=slow, evaluations=4)
    assert _column(tmp_path / CURVES, "psnr") == [1.0] * 4
    assert _column(tmp_path / CURVES, "seconds")[-1] < 0.6


def test_accumulation_is_the_mean_of_its_parts(tmp_path):
    """Two halves of a batch, accumulated, give the gradient of the whole."""
    results = []
    for accumulate in (1, 2):
        network = nn.Linear(2, 1, bias=False)
        nn.init.ones_(network.weight)
        batches = iter([torch.eye(2)[:1], torch.eye(2)[1:]] if accumulate == 2 else [torch.eye(2)])
        trainer = Trainer(
            network,
            lambda module, *_, batches=batches: module(next(batches)).square().mean(),
            TrainingConfig(accumulate=accumulate, precision="float32"),
            steps=1,
            device=CPU,
            seed=0,
        )
        loss = trainer.update(0)["loss"]
        results.append((float(loss), network.weight.grad.clone()))
    assert results[0][0] == pytest.approx(results[1][0])
    assert torch.allclose(results[0][1], results[1][1])


def test_the_average_follows_and_is_what_is_kept():
    """With decay d the average after n steps is known in closed form for a parameter that moves linearly."""
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    trainer = Trainer(
        network,
        lambda module, *_: module(torch.ones(1, 1)).sum(),
        TrainingConfig(average=0.5),
        steps=3,
        device=CPU,
        seed=0,
    )
    expected, history = 0.0, []
    for step in range(3):
        trainer.update(step)
        history.append(float(network.weight.detach()))
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * history[-1]
    assert float(trainer.result()["weight"]) == pytest.approx(expected)
    assert float(trainer.result()["weight"]) != pytest.approx(history[-1])
    with trainer.evaluated() as evaluated:
        assert float(evaluated.weight.detach()) == pytest.approx(expected)
    assert float(network.weight.detach()) == history[-1], "training goes on from its own weights"


def test_bfloat16_trains_with_float32_weights():
    network = nn.Conv2d(3, 3, 3, padding=1)
    seen = []

    def loss(module, generator, step):
        out = module(torch.ones(1, 3, 4, 4))
        seen.append(out.dtype)
        return out.float().square().mean()

    trainer = Trainer(network, loss, TrainingConfig(precision="bfloat16"), steps=2, device=CPU, seed=0)
    before = network.weight.detach().clone()
    trainer.update(0)
    assert seen == [torch.bfloat16]
    assert network.weight.dtype == torch.float32
    assert not torch.equal(before, network.weight)


def test_a_compiled_training_is_the_same_training(tmp_path):
    """Or, where there is no compiler, an uncompiled one; the weights keep their names either way."""
    plain = fit_line(tmp_path / "plain", steps=3)
    compiled = fit_line(tmp_path / "compiled", steps=3, compile=True)
    assert plain.keys() == compiled.keys()
    assert all(torch.allclose(plain[name], compiled[name], atol=1e-5) for name in plain)


def test_learning_rate_schedule():
    plain = TrainingConfig(learning_rate=2e-4, drop_at=(100,), drop=0.1)
    assert [plain.rate(step, 200) for step in (0, 99, 100, 199)] == pytest.approx([2e-4, 2e-4, 2e-5, 2e-5])
    falling = TrainingConfig(learning_rate=1.0, decay="cosine", warm_up=10, drop_at=())
    assert falling.rate(0, 100) == pytest.approx(0.1)
    assert falling.rate(50, 100) == pytest.approx(0.5)
    assert falling.rate(99, 100) < 0.001
    assert all(
        a >= b
        for a, b in zip(
            [falling.rate(s, 100) for s in range(9, 99)], [falling.rate(s, 100) for s in range(10, 100)], strict=True
        )
    )


def test_generators_are_functions_of_seed_step_and_stream():
    draws = {
        (seed, step, stream): float(torch.rand((), generator=generator_of(seed, step, stream)))
        for seed in range(3)
        for step in range(50)
        for stream in range(3)
    }
    assert len(set(draws.values())) == len(draws)
    assert draws[1, 7, 2] == float(torch.rand((), generator=generator_of(1, 7, 2)))
    assert abs(sum(draws.values()) / len(draws) - 0.5) < 0.06, "no bias between neighbouring steps"
    assert math.isfinite(sum(draws.values()))


def _column(path, name):
    header, *rows = [line.split("\t") for line in path.read_text().splitlines()]
    return [float(row[header.index(name)]) for row in rows if row[header.index(name)]]
