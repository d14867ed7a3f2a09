"""An image U-Net that sees time (Esser et al. 2023, "Structure and Content-Guided Video Synthesis", section 3.2)."""

from onereel.backbones.video_unet.network import VideoUNet, load_video_unet, new_video_unet, widened

__all__ = ["VideoUNet", "load_video_unet", "new_video_unet", "widened"]
