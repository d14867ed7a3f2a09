"""Byte-pair merges for the stand-in of CLIP: every word of the scenes' captions is one token, others fall into letters.

The file has the form of OpenAI's, so open_clip's tokenizer reads it: gzip, a head line, then a pair a line in the order
in which pairs are merged; ``</w>`` ends a word.
"""

import gzip
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from onereel.base.files import atomic_path
from onereel.scenes.world import EVERYTHING, describe, sample_world

_SEEDS = 3000
_WORDINGS = 3


def caption_words() -> list[str]:
    """Every word that captions of worlds use, sorted."""
    texts = (
        describe(spec, wording, name=EVERYTHING).text
        for spec in map(sample_world, range(_SEEDS))
        for wording in range(_WORDINGS)
    )
    letters = (character if character.isalpha() else " " for text in texts for character in f"{text.lower()} ")
    return sorted(set("".join(letters).split()))


def merges_of(words: Iterable[str]) -> list[tuple[str, str]]:
    """Byte-pair encoding (Gage 1994; Sennrich et al. 2016) until every word is one token.

    The most frequent pair of neighbours is merged first, of equally frequent ones the first in the alphabet.
    """
    pieces = [[*word[:-1], f"{word[-1]}</w>"] for word in words]
    merges = []
    while counts := Counter(pair for word in pieces for pair in pairwise(word)):
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        merges.append(best)
        pieces = [_merged(word, best) for word in pieces]
    return merges


def write_merges(path: Path, merges: Iterable[tuple[str, str]]) -> None:
    """Write merges as `SimpleTokenizer` of open_clip reads them; the same merges give the same bytes."""
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    with atomic_path(path) as temporary:
        temporary.write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))


def _merged(pieces: list[str], pair: tuple[str, str]) -> list[str]:
    found: list[str] = []
    for piece in pieces:
        if found and (found[-1], piece) == pair:
            found[-1] += piece
        else:
            found.append(piece)
    return found
