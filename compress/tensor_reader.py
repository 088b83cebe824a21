"""Reading a checkpoint tensor by tensor, quantized weights as the dense ones that they stand for."""

from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

from compress.checkpoint import Checkpoint
from compress.errors import CheckpointError, first_line
from compress.old_formats import PARTS as OLD_PARTS
from compress.old_formats import dense_weight, old_format
from compress.scheme import Scheme, scheme_of

if TYPE_CHECKING:
    from torch import Tensor

_PARTS = (".weight_packed", ".weight_scale", ".weight_shape", ".weight_zero_point")


class TensorReader:
    """A checkpoint's tensors by name; the files are opened when they are needed.

    For quantized layers `names` has `LAYER.weight` instead of the parts that it is stored in. Raises
    `CheckpointError` for broken files, and for quantization that this package can't unpack.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self._quantization = checkpoint.quantization
        self._open: dict[Any, Any] = {}
        self._file_of: dict[str, Any] = {}
        for file in checkpoint.weights:
            for name in self._tensors(file).keys():  # noqa: SIM118 - no mapping
                self._file_of[name] = file
        self._old = old_format(self._quantization or {})
        self._parts = OLD_PARTS if self._old else _PARTS
        mark = ".qweight" if self._old else ".weight_scale"
        self._packed = {name.removesuffix(mark) for name in self._file_of if name.endswith(mark)}
        if self._quantization and not self.can_unpack(checkpoint):
            raise CheckpointError(
                f"{checkpoint.path} is quantized in a way that can't be unpacked here.",
                "Play it with a server that knows its format.",
            )

    @staticmethod
    def can_unpack(checkpoint: Checkpoint) -> bool:
        """Whether the checkpoint is quantized in a way that this class unpacks."""
        config = checkpoint.quantization
        if config and old_format(config):
            return True
        if not config or config.get("quant_method") != "compressed-tensors":
            return False
        # transforms rotate weights and turn them back while the model runs
        if config.get("kv_cache_scheme") or config.get("transform_config"):
            return False
        try:
            groups = list(config["config_groups"].values())
            schemes = [
                scheme_of({"config_groups": {"": {**group, "targets": ["Linear"]}}}, "") for group in groups
            ]
        except (ValueError, KeyError, TypeError, AttributeError):
            return False
        return bool(schemes) and all(
            group.get("format", config.get("format"))
            in ("pack-quantized", "int-quantized", "float-quantized", "naive-quantized", None)
            for group in groups
        )

    def __enter__(self) -> "TensorReader":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files, which are mapped into memory."""
        self._open.clear()

    @property
    def names(self) -> list[str]:
        """Names of all tensors as the model has them."""
        plain = [name for name in self._file_of if not name.endswith(self._parts)]
        hidden = [f"{layer}.weight" for layer in sorted(self._packed)]
        return [*plain, *(name for name in hidden if name not in self._file_of)]

    def scheme(self, layer: str) -> Scheme | None:
        """Return how a layer is quantized, None where it is not."""
        if layer not in self._packed or not self._quantization:
            return None
        return self._old.scheme if self._old else scheme_of(self._quantization, layer)

    def read(self, name: str) -> "Tensor":
        """Return a tensor; a quantized weight as dense one, in the type of its scales."""
        layer = name.removesuffix(".weight")
        scheme = self.scheme(layer) if name.endswith(".weight") else None
        if scheme is None:
            return self._stored(name)
        return self._in_old_format(layer) if self._old else self._unpacked(layer, scheme)

    def items(self) -> Iterator[tuple[str, "Tensor"]]:
        """Yield all tensors as the model has them."""
        for name in self.names:
            yield name, self.read(name)

    def _unpacked(self, layer: str, scheme: Scheme) -> "Tensor":
        import torch

        from compress.packing import packed_width, unpack
        from compress.rounding import Grid, dense, from_float8

        scale = self._stored(f"{layer}.weight_scale")
        if scheme.number == "float":
            return from_float8(self._stored(f"{layer}.weight"), scale.reshape(-1, 1))
        if f"{layer}.weight_packed" in self._file_of:
            shape = self._stored(f"{layer}.weight_shape").flatten().tolist()
            words = self._stored(f"{layer}.weight_packed")
            if len(shape) != 2 or words.shape != (shape[0], packed_width(shape[1], scheme.bits)):
                raise CheckpointError(
                    f"{self.checkpoint.path} holds {layer} in parts whose sizes do not fit together.",
                    "Download or make it again.",
                )
            rows, width = shape
            numbers = unpack(words, scheme.bits, width)
        else:
            numbers = self._stored(f"{layer}.weight")
            rows = len(numbers)
        scale = scale.reshape(-1, scale.shape[-1] if scale.ndim == 2 else 1).expand(rows, -1)
        if scheme.symmetric:
            zero = torch.zeros(scale.shape, dtype=torch.int8)
        else:
            zero = self._stored(f"{layer}.weight_zero_point")
            if zero.dtype == torch.int32:
                zero = unpack(zero.t().contiguous(), scheme.bits, rows).t().contiguous()
        return dense(Grid(scheme.bits, scale, zero.reshape(scale.shape)), numbers)

    def _in_old_format(self, layer: str) -> "Tensor":
        def part(name: str) -> "Tensor | None":
            return self._stored(layer + name) if layer + name in self._file_of else None

        assert self._old is not None
        try:
            return dense_weight(self._old, part)
        except ValueError as error:
            raise CheckpointError(
                f"{self.checkpoint.path} holds {layer} in a way that can't be unpacked: {error}.",
                "Download it again.",
            ) from error

    def _stored(self, name: str) -> "Tensor":
        try:
            return self._tensors(self._file_of[name]).get_tensor(name)
        except KeyError as error:
            raise CheckpointError(
                f"{self.checkpoint.path} lacks the tensor {name}.", "Download or make it again."
            ) from error

    def _tensors(self, file: Any) -> Any:
        from safetensors import SafetensorError, safe_open

        if file not in self._open:
            try:
                self._open[file] = safe_open(file, framework="pt").__enter__()
            except (OSError, SafetensorError) as error:
                raise CheckpointError(
                    f"{file} is no readable safetensors file: {first_line(error)}.", "Download it again."
                ) from error
        return self._open[file]
