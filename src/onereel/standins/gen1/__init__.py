"""The stand-in of Gen-1 (Esser et al. 2023), in the stages of its section 3.4, each trained from the one before.

1. pictures alone, content from CLIP: `latent-world-image`; 2. temporal layers, videos and pictures; 3. structure at
t_s = 0; 4. t_s from 0 to 7. Stages 2, 3 and 4 take 75 : 25 : 10 steps, as published. A further network repeats stage 3
with edges in the place of depth, for comparison.
"""

from onereel.standins.gen1.stages import Gen1Depth, Gen1Edges, Gen1Structure, Gen1Video

__all__ = ["Gen1Depth", "Gen1Edges", "Gen1Structure", "Gen1Video"]
