"""The trainer on parts of a network: what it keeps, averages and resumes; and in several processes."""

import subprocess
import sys
import textwrap

import pytest
import torch
from diffusers.training_utils import EMAModel
from torch import nn

from onereel.base.errors import MethodError
from onereel.base.progress import no_progress
from onereel.training import processes
from onereel.training.adapters import trainable
from onereel.training.ema import EMA
from onereel.training.loop import CHECKPOINT, train
from onereel.training.settings import TrainingConfig
from onereel.training.trainer import Trainer

CPU = torch.device("cpu")


class StopError(Exception):
    """Raised by a test in the middle of a training."""


def network(seed=0):
    """Two layers with dropout between, and a running mean that belongs to a frozen layer."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 1))


def fit(workdir, *, chosen=("3.*",), steps=20, stop_at=None, **settings):
    """Train the last layer; return the trainer."""
    model = network()
    trainable(model, chosen)

    def loss(module, generator, step):
        if step == stop_at:
            raise StopError
        points = torch.randn(8, 3, generator=generator)
        return (module(points) - points.sum(1, keepdim=True)).square().mean()

    config = TrainingConfig(learning_rate=0.05, precision="float32", average=0.9, **settings)
    trainer = Trainer(model, loss, config, steps=steps, device=CPU, seed=0)
    train(trainer, steps=steps, workdir=workdir, progress=no_progress, label="part", checkpoint_seconds=0.0)
    return trainer


def test_only_what_is_chosen_is_trained_averaged_and_kept(tmp_path):
    before, trainer = network().state_dict(), fit(tmp_path)
    after = trainer.network.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    buffers = {"1.running_mean", "1.running_var", "1.num_batches_tracked"}
    assert changed == {"3.weight", "3.bias"} | buffers
    assert trainer.result().keys() == {"3.weight", "3.bias"} | buffers
    assert trainer.ema.weights.keys() == {"3.weight", "3.bias"}
    kept = torch.load(tmp_path / CHECKPOINT, weights_only=True)["trainee"]
    assert kept["network"].keys() == trainer.result().keys()
    assert len(kept["optimiser"]["state"]) == 2
    model = network()
    model.load_state_dict(trainer.result(), strict=False)
    points = torch.randn(4, 3)
    with trainer.evaluated() as evaluated:
        assert torch.equal(evaluated(points), model.eval()(points)), "the base and what is kept are the whole"
    assert torch.equal(trainer.network.state_dict()["3.weight"], after["3.weight"]), "training goes on from its own"
    assert trainer.network.training


def test_a_part_is_resumed_to_the_last_bit_dropout_included(tmp_path):
    whole = fit(tmp_path / "whole").result()
    with pytest.raises(StopError):
        fit(tmp_path / "cut", stop_at=13)
    torch.rand(5)  # another process has other numbers in torch's own generator
    resumed = fit(tmp_path / "cut").result()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_torch_s_own_generator_is_left_as_it_was(tmp_path):
    before = torch.get_rng_state()
    fit(tmp_path)
    assert torch.equal(before, torch.get_rng_state())


def test_a_checkpoint_of_another_part_is_refused(tmp_path):
    fit(tmp_path)
    with pytest.raises(MethodError, match=r"no checkpoint of this training .other parameters are trained"):
        fit(tmp_path, chosen=("0.*",))


def test_a_network_without_anything_to_train_is_refused():
    model = network().requires_grad_(False)
    with pytest.raises(ValueError, match="every parameter is frozen"):
        Trainer(model, lambda *_: torch.zeros(()), TrainingConfig(), steps=1, device=CPU, seed=0)


def test_the_gradient_of_what_is_trained_is_clipped():
    model = nn.Linear(4, 1)

    def loss(module, *_):
        return 1000 * module(torch.ones(1, 4)).sum()

    Trainer(model, loss, TrainingConfig(clip_norm=0.5), steps=1, device=CPU, seed=0).update(0)
    assert float(torch.stack([each.grad.norm() for each in model.parameters()]).norm()) == pytest.approx(0.5, rel=1e-3)


def test_the_average_is_that_of_diffusers_from_the_second_step_on():
    model = nn.Linear(3, 2)
    ours = EMA(model, 0.4)
    theirs = EMAModel(model.parameters(), decay=0.4)
    for step in range(12):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(step)))
        ours.update(step)
        theirs.step(model.parameters())
        if step == 0:  # theirs forgets the first weights at once
            theirs.shadow_params = [value.clone() for value in ours.weights.values()]
    pairs = zip(ours.weights.values(), theirs.shadow_params, strict=True)
    assert all(torch.allclose(one, other, atol=1e-6) for one, other in pairs)
    own = {name: value.clone() for name, value in model.state_dict().items()}
    ours.store()
    ours.copy_to()
    assert all(torch.equal(value, ours.weights[name]) for name, value in model.state_dict().items())
    ours.restore()
    assert all(torch.equal(value, own[name]) for name, value in model.state_dict().items())


WORKER = textwrap.dedent("""
    import os, signal, sys
    from pathlib import Path
    import torch
    from torch import nn
    from onereel.base.errors import ConfigError, StoppedError
    from onereel.base.progress import no_progress
    from onereel.training import processes
    from onereel.training.loop import generator_of, train
    from onereel.training.settings import TrainingConfig
    from onereel.training.trainer import Trainer

    folder, cpu = Path(sys.argv[1]), torch.device("cpu")
    torch.set_num_threads(1)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.frozen, self.always, self.dropout = nn.Linear(3, 4), nn.Linear(4, 1), nn.Dropout(0.2)
            self.sometimes, self.never = nn.Linear(4, 1), nn.Linear(4, 1)
            self.frozen.requires_grad_(False)
        def forward(self, points, also):
            hidden = self.dropout(self.frozen(points).tanh())
            return self.always(hidden) + (self.sometimes(hidden) if also else 0)

    def network(seed=0):
        torch.manual_seed(seed)
        return Net()

    def batch(generator):
        return torch.randn(4, 3, generator=generator)

    def trained(model, loss, accumulate, place, steps=6):
        own = {"learning_rate": 0.05, "average": 0.8, "clip_norm": 0.5, "precision": "float32"}
        config = TrainingConfig(accumulate=accumulate, **own)
        trainer = Trainer(model, loss, config, steps=steps, device=cpu, seed=0)
        losses = []
        update = trainer.update
        def recorded(step):
            values = update(step)
            losses.append(float(values["loss"]))
            return values
        trainer.update = recorded
        train(trainer, steps=steps, workdir=folder / place, progress=no_progress, label="x", checkpoint_seconds=1e9)
        return losses, {name: value.clone() for name, value in trainer.result().items()}

    with processes.joined(cpu):
        rank, seen, draws = processes.rank(), [], torch.zeros(())
        def parts(module, generator, step):
            points = batch(generator)
            seen.append(float(points.sum()))
            # Some parts of a batch are of another kind, and run other layers: pictures beside videos.
            return (module(points, bool(points.sum() > 0)) - points.sum(1, keepdim=True)).square().mean()
        result = {"rank": rank, "count": processes.count(), "parts": trained(network(), parts, 4, f"parts{rank}")}
        result["seen"] = list(seen)
        def misfit(module, points):
            return (module.always(module.frozen(points)) - points.sum(1, keepdim=True)).square().mean()
        def plain(module, generator, step):
            return misfit(module, batch(generator))
        def whole(module, generator, step):
            return misfit(module, torch.cat([batch(generator_of(0, step, part)) for part in range(2)]))
        def another(seed):
            model = network()
            torch.manual_seed(seed)
            nn.init.normal_(model.always.weight)
            return model
        # Other first weights in the second process: those of the first count.
        result["plain"] = trained(another(rank), plain, 2, f"plain{rank}")
        result["writes"] = sorted(path.name for path in folder.glob(f"*{rank}/*"))
        def stopped(module, generator, step):
            if step == 3 and rank == processes.count() - 1 and not (folder / "asked").exists():
                (folder / "asked").touch()
                os.kill(os.getpid(), signal.SIGTERM)
            return parts(module, generator, step)
        try:
            trained(network(), stopped, 4, "stopped")
        except StoppedError as error:
            result["stopped"] = str(error)
        result["resumed"] = trained(network(), stopped, 4, "stopped")
        try:
            trained(network(), parts, 3, "uneven")
        except ConfigError as error:
            result["uneven"] = str(error)
        if processes.count() == 1:
            result["whole"] = trained(another(0), whole, 1, "whole")
        torch.save(result, folder / f"result{rank}.pt")
""")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What a process alone, and each of two, had in the end."""
    found = {}
    for count in (1, 2):
        folder = tmp_path_factory.mktemp(f"of{count}")
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
        (folder / "worker.py").write_text(WORKER)
        subprocess.run([*command, str(folder / "worker.py"), str(folder)], check=True, timeout=240)
        found[count] = [torch.load(folder / f"result{rank}.pt", weights_only=True) for rank in range(count)]
    return found


@pytest.mark.parametrize(
    ("training", "reference"),
    [("parts", "parts"), ("resumed", "resumed"), ("plain", "plain"), ("plain", "whole")],
    ids=["dropout and layers that some parts leave out", "resumed", "part by part", "the whole batch in one pass"],
)
def test_two_processes_train_as_one_does_with_the_whole_batch(results, training, reference):
    (alone,), pair = results[1], results[2]
    losses, weights = alone[reference]
    assert len(losses) == (2 if training == "resumed" else 6)
    for one in pair:
        assert one[training][0] == pytest.approx(losses, rel=1e-5)
        assert one[training][1].keys() == weights.keys()
        assert not any(name.startswith("frozen") for name in weights)
        assert all(torch.allclose(value, weights[name], atol=1e-5) for name, value in one[training][1].items())


def test_each_process_has_its_share_of_the_batch(results):
    (alone,), (first, second) = results[1], results[2]
    assert [(one["rank"], one["count"]) for one in (alone, first, second)] == [(0, 1), (0, 2), (1, 2)]
    assert first["seen"] == [alone["seen"][4 * step + part] for step in range(6) for part in (0, 2)]
    assert second["seen"] == [alone["seen"][4 * step + part] for step in range(6) for part in (1, 3)]


def test_the_first_process_alone_writes(results):
    (alone,), (first, second) = results[1], results[2]
    assert first["writes"] == alone["writes"] == sorted(2 * ["checkpoint.pt", "curves.tsv"])
    assert second["writes"] == []


def test_all_processes_stop_after_the_step_in_which_one_was_asked_to(results):
    for one in (*results[1], *results[2]):
        assert one["stopped"].startswith("x, step 4 of 6: stopped by SIGTERM, the state is kept")


def test_a_batch_that_cannot_be_shared_evenly_is_refused(results):
    assert "uneven" not in results[1][0]
    for one in results[2]:
        assert one["uneven"].startswith("training.accumulate 3: 2 processes cannot share so many parts")


def test_without_torchrun_there_is_one_process(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with processes.joined(CPU) as device:
        assert device == CPU
        assert (processes.rank(), processes.count()) == (0, 1)
