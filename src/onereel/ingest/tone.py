"""HDR and wide-gamut pictures to the SDR of BT.709 that clips hold.

Signals become light by ITU-R BT.2100 (table 4: PQ; table 5: HLG with the system gamma of a display of 1000 cd/m2) or,
for SDR, by BT.1886. 203 cd/m2, the reference white of BT.2408, becomes SDR's white. Primaries are converted in linear
light; colours that BT.709 lacks are clipped. Brighter highlights share the uppermost levels on a shoulder, so that what
lies below them keeps the levels of its SDR twin: no curve for a whole scene (BT.2390, BT.2446) does that.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

PQ, HLG = 16, 18
"""libav's numbers of transfer functions (ITU-T H.273, table 3)."""

_WHITE = 203.0  # cd/m2 (BT.2408)
_HLG_PEAK, _HLG_GAMMA = 1000.0, 1.2
_PEAKS = {PQ: 1000.0, HLG: _HLG_PEAK}  # cd/m2 that the shoulder takes in; what masters reach that say nothing else
_KNEE = 0.95  # of SDR's signal, where the shoulder begins
_SDR_GAMMA = 2.4  # BT.1886
_STEPS = 1 << 16
_ROWS = 64  # converted at a time, so that the temporaries stay in the cache

_D65 = (0.3127, 0.3290)
_BT709, _BT2020 = 1, 9
_PRIMARIES = {
    _BT709: ("BT.709", ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)), _D65),
    _BT2020: ("BT.2020", ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)), _D65),
    11: ("DCI-P3", ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)), (0.314, 0.351)),
    12: ("Display P3", ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)), _D65),
}  # of H.273, table 2; others, of old television, are near enough to BT.709 to be left as they are


@dataclass(frozen=True)
class Tone:
    """How light is coded in a picture that is not SDR of BT.709.

    Attributes:
        transfer: `PQ`, `HLG`, or None for SDR.
        primaries: H.273's number.
    """

    transfer: int | None
    primaries: int

    @property
    def note(self) -> str:
        """For the manifest."""
        name = _PRIMARIES[self.primaries][0]
        if self.transfer is None:
            return f"colours of {name} converted to BT.709"
        kind = {PQ: "PQ", HLG: "HLG"}[self.transfer]
        return f"HDR ({kind}, {name}) tone-mapped to SDR of BT.709: {_WHITE:g} cd/m2 is white"


def tone_of(transfer: int, primaries: int) -> Tone | None:
    """What the tags say; None where pictures are SDR of BT.709, or say nothing."""
    if transfer in (PQ, HLG):
        return Tone(transfer, primaries if primaries in _PRIMARIES else _BT2020)
    return Tone(None, primaries) if primaries in _PRIMARIES and primaries != _BT709 else None


def to_sdr(signal: np.ndarray, tone: Tone, white: int = _STEPS - 1) -> np.ndarray:
    """(H, W, 3) uint16, full range, -> (H, W, 3) uint8, BT.709.

    Args:
        signal: the coded picture.
        tone: how it is coded.
        white: the number that stands for the signal's full scale.
    """
    result = np.empty(signal.shape, np.uint8)
    for row in range(0, len(signal), _ROWS):
        light = _light(tone.transfer, white)[signal[row : row + _ROWS]]
        if tone.transfer == HLG:
            light *= _system_gamma(light, tone.primaries)
        light = light @ _to_bt709(tone.primaries).T
        np.clip(light, 0, 1, out=light)
        np.sqrt(light, out=light)  # spends the table's steps on the dark, as eyes do
        light *= _STEPS - 1
        result[row : row + _ROWS] = _levels(tone.transfer)[light.astype(np.uint16)]
    return result


def _system_gamma(light: np.ndarray, primaries: int) -> np.ndarray:
    """(H, W, 3) of scenes -> (H, W, 1), how much brighter a display shows each pixel (BT.2100, HLG's OOTF)."""
    _, corners, white = _PRIMARIES[primaries]
    luminance = light @ _rgb_to_xyz(corners, white)[1].astype(np.float32)
    return np.power(luminance, _HLG_GAMMA - 1)[..., None]


@cache
def _light(transfer: int | None, white: int) -> np.ndarray:
    """Signal -> light, (65536,) float32; 1 is the brightest that `_levels` takes."""
    signal = np.minimum(np.arange(_STEPS) / white, 1)
    if transfer == PQ:
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
        power = signal ** (1 / m2)
        light = 10_000 / _PEAKS[PQ] * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)
    elif transfer == HLG:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    else:
        light = signal**_SDR_GAMMA
    return light.astype(np.float32)


@cache
def _levels(transfer: int | None) -> np.ndarray:
    """Square root of light, as a step -> SDR's level, (65536,) uint8."""
    peak = _PEAKS[transfer] / _WHITE if transfer is not None else 1.0
    signal = (peak * (np.arange(_STEPS) / (_STEPS - 1)) ** 2) ** (1 / _SDR_GAMMA)
    over, room, reach = np.maximum(signal - _KNEE, 0), 1 - _KNEE, signal[-1] - _KNEE
    # Begins with slope 1 and reaches 1 at the peak; for SDR it is the straight line.
    signal = np.minimum(signal, _KNEE) + over / (1 + over * (1 / room - 1 / reach))
    return np.round(255 * signal).astype(np.uint8)


@cache
def _to_bt709(primaries: int) -> np.ndarray:
    """(3, 3) float32: linear RGB of other primaries -> of BT.709, white to white (Bradford)."""
    _, corners, white = _PRIMARIES[primaries]
    bradford = np.array(((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296)))
    adapted = np.diag((bradford @ _xyz(_D65)) / (bradford @ _xyz(white)))
    adapt = np.linalg.inv(bradford) @ adapted @ bradford
    _, own, _ = _PRIMARIES[_BT709]
    return (np.linalg.inv(_rgb_to_xyz(own, _D65)) @ adapt @ _rgb_to_xyz(corners, white)).astype(np.float32)


def _rgb_to_xyz(corners: tuple[tuple[float, float], ...], white: tuple[float, float]) -> np.ndarray:
    columns = np.stack([_xyz(corner) for corner in corners], axis=1)
    return columns * np.linalg.solve(columns, _xyz(white))


def _xyz(chromaticity: tuple[float, float]) -> np.ndarray:
    """XYZ of a chromaticity (x, y), Y = 1."""
    x, y = chromaticity
    return np.array((x / y, 1.0, (1 - x - y) / y))
