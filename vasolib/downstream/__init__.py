"""What an encoder is used for: vessel segmentation under a U-Net decoder."""
