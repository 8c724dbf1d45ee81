"""Ways to pre-train an encoder without labels: VasoMIM and the methods it is compared with, one file each."""
