"""The embedded model as a folder that transformers can load."""

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from app.atomic_files import whole_folder
from app.llm.model_server import SHA256, model_file


def embedded_model_folder(cache: Path) -> Path:
    """Return the folder of the embedded model; the first call creates it from the GGUF file.

    Raises:
        ConfigurationError: the package with the file is not installed.
        OutOfSpace: the disk is full; no partial folder is left.
    """
    folder = cache / f"smollm2-135m-instruct-{SHA256[:12]}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        file = model_file()
        where = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
        tokenizer = AutoTokenizer.from_pretrained(**where)
        model = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
        # The weights are no longer quantized, but transformers does not notice and would refuse to
        # save them.
        model.hf_quantizer = None
        del model.config.quantization_config
        with whole_folder(folder, keep_existing=True) as beside:
            model.save_pretrained(beside)
            tokenizer.save_pretrained(beside)
    return folder
