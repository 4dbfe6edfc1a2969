"""Self-attention over concatenated sequences on GPUs, each token seeing only its own sequence."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from xanalysis.runner.training.dropout import Dropout
from xanalysis.runner.training.layout import Layout


def nested_attention(qkv: Tensor, layout: Layout, heads: int, dropout: Dropout) -> Tensor:
    """Attention without padding through PyTorch's jagged tensors.

    On CUDA in bfloat16 this runs the variable-length flash kernel, dropout included.

    Args and result as for :func:`xanalysis.runner.training.cpu.attention.compiled_attention`.
    """
    width = qkv.shape[1] // 3
    with torch.autocast(qkv.device.type, enabled=False):
        query, key, value = (
            torch.nested.nested_tensor_from_jagged(
                part.reshape(-1, heads, width // heads).contiguous(),
                layout.offsets,
                min_seqlen=layout.shortest,
                max_seqlen=layout.longest,
            ).transpose(1, 2)
            for part in torch.split(qkv, width, dim=1)
        )
        mixed = F.scaled_dot_product_attention(query, key, value, dropout_p=dropout.rate)
        return mixed.transpose(1, 2).values().reshape(-1, width)
