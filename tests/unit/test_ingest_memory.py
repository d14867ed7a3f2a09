"""Decoding streams: one second out of an hour of 1080p needs little memory."""

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

SECONDS, RATE = 3600, 30

PROBE = """
import sys
from pathlib import Path
from onereel.ingest import ingest
clip, manifest = ingest(sys.argv[1], start=sys.argv[2], end=sys.argv[3])
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(*clip.size, clip.fps, int(clip.frames[0].mean()), int(peak.split()[1]) // 1024)
"""


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of 1080p, encoded once and muxed 1800 times."""
    path = tmp_path_factory.mktemp("hour") / "hour.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=RATE, options={"preset": "ultrafast", "g": str(2 * RATE), "bf": "0"}
        )
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        packets = []
        for index in range(2 * RATE):
            level = 60 + index // RATE * 100  # the second half of each piece is lighter
            frame = av.VideoFrame.from_ndarray(np.full((1080, 1920, 3), level, np.uint8), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            packets += stream.encode(frame.reformat(format="yuv420p"))
        packets += stream.encode()
        base = packets[0].time_base
        for piece in range(SECONDS // 2):
            shift = int(2 * piece / base)
            for packet in packets:
                copy = av.Packet(bytes(packet))
                copy.stream, copy.time_base, copy.is_keyframe = stream, base, packet.is_keyframe
                copy.pts, copy.dts, copy.duration = packet.pts + shift, packet.dts + shift, packet.duration
                container.mux(copy)
    return path


@pytest.mark.parametrize(("start", "end", "level"), [("30:01", "30:02", 160), ("3598s", "3599s", 60)])
def test_one_second_of_an_hour_stays_under_500_megabytes(hour: Path, start: str, end: str, level: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(hour), start, end], capture_output=True, text=True, check=True
    )
    frames, height, width, fps, mean, peak = done.stdout.split()
    assert (frames, height, width, fps) == ("30", "1080", "1920", "30")
    assert abs(int(mean) - level) <= 3
    assert int(peak) < 500
