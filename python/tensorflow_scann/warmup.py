"""Warm-up requests of TensorFlow Serving: a SavedModel's assets.extra/tf_serving_warmup_requests.

Serving replays them before it makes a model available. The file is a TFRecord of
tensorflow.serving.PredictionLog messages, of which what is needed here is a few nested fields;
they are written without Serving's protocol buffers, whose package pins a version of TensorFlow.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

_FOLDER = "assets.extra"
_FILE = "tf_serving_warmup_requests"

# Field numbers of tensorflow_serving/apis/{prediction_log,predict,model}.proto.
_PREDICTION_LOG_PREDICT_LOG = 6
_PREDICT_LOG_REQUEST = 1
_PREDICT_REQUEST_MODEL_SPEC = 1
_PREDICT_REQUEST_INPUTS = 2
_MODEL_SPEC_SIGNATURE_NAME = 3
_MAP_KEY = 1
_MAP_VALUE = 2

# Serving refuses a model with more of them (its WarmupConsts::kMaxNumRecords).
MOST_WARMUP_REQUESTS = 1000

Request = tuple[str, Mapping[str, Any]]  # signature name, inputs by name


def write_warmup_requests(saved_model: str, requests: Sequence[Request]) -> None:
    """Writes warm-up requests into a SavedModel, in place of those that it has.

    Args:
      saved_model: Its folder; any path that TensorFlow can write to.
      requests: Of each, the signature's name and its inputs: tensors or arrays by name. None:
        there will be no file of them.
    """
    folder = os.path.join(saved_model, _FOLDER)
    path = os.path.join(folder, _FILE)
    if not requests:
        if tf.io.gfile.exists(path):
            tf.io.gfile.remove(path)
        return
    tf.io.gfile.makedirs(folder)
    with tf.io.TFRecordWriter(path + ".new") as writer:
        for signature, inputs in requests:
            writer.write(_prediction_log(signature, inputs))
    tf.io.gfile.rename(path + ".new", path, overwrite=True)


def _prediction_log(signature: str, inputs: Mapping[str, Any]) -> bytes:
    model_spec = _field(_MODEL_SPEC_SIGNATURE_NAME, signature.encode())
    request = _field(_PREDICT_REQUEST_MODEL_SPEC, model_spec)
    for name, value in sorted(inputs.items()):
        tensor = tf.make_tensor_proto(value).SerializeToString()
        entry = _field(_MAP_KEY, name.encode()) + _field(_MAP_VALUE, tensor)
        request += _field(_PREDICT_REQUEST_INPUTS, entry)
    return _field(_PREDICTION_LOG_PREDICT_LOG, _field(_PREDICT_LOG_REQUEST, request))


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited field."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])
