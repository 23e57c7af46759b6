"""Annotation: the score and label that a model gives to every galaxy of the annotation set."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from workflow_scripts.images.arrays import ImageStore
from workflow_scripts.networks.galaxies_of_runs import annotation_schema
from workflow_scripts.networks.model_files import check_scores
from workflow_scripts.networks.tensorflow_runtime import keras, tf
from workflow_scripts.progress import Progress
from workflow_scripts.tables import parquet_metadata
from workflow_scripts.whole_file import whole_file

log = logging.getLogger(__name__)

# Part of the result in its last digits, so not a setting.
BATCH = 256
ROWS_AT_A_TIME = 65_536


def write_annotations(
    output: str | Path,
    rows: pa.Table,
    images: ImageStore,
    model: "keras.Model",
    model_path: str | Path,
    record: Mapping[str, Any],
) -> None:
    """Score `rows` piece by piece and write them as Parquet with `record` in the metadata.

    Memory does not grow with the number of galaxies, but for the rows themselves. `score` is P(class 1), of three
    classes or more `score_0`, `score_1`, ... the probability of each; `label` is the most probable class.
    """
    n_outputs = model.compute_output_shape((1, *images.shape))[-1]
    schema = annotation_schema(max(2, n_outputs)).with_metadata(parquet_metadata(record))
    with (
        Progress("annotated", rows.num_rows, "galaxies", rate=True) as progress,
        whole_file(output) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd") as writer,
    ):
        for start in range(0, rows.num_rows, ROWS_AT_A_TIME):
            piece = rows.slice(start, ROWS_AT_A_TIME).combine_chunks()
            outputs = []
            for given in score(model, image_batches(images, piece["tile"].to_numpy(), piece["row"].to_numpy())):
                check_scores(model_path, given)
                outputs.append(given)
                progress.add(len(given))
            together = np.concatenate(outputs)
            scores, labels = scores_and_labels(together)
            columns = [scores] if together.shape[1] < 3 else together.astype(np.float32).T
            writer.write_table(
                pa.table([*piece.columns[:3], *map(pa.array, columns), pa.array(labels)], schema=schema),
                row_group_size=ROWS_AT_A_TIME,
            )
    log.info("annotated %d galaxies", rows.num_rows)


def score(model: "keras.Model", batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The model's outputs (n, 1) or (n, classes), float32, for batches (n, height, width, channels) of up to `BATCH`.

    Every batch is filled up with blanks to the same size: the shape of a batch can change last digits.
    """
    predict = _predictor(model)
    before, n_before = None, 0
    for batch in batches:
        blanks = np.zeros((BATCH - len(batch), *batch.shape[1:]), np.uint8)
        outputs = predict(np.concatenate([batch, blanks]) if len(blanks) else batch)
        # A graphics card computes this batch while the one before is written and the next one read.
        if before is not None:
            yield before.numpy()[:n_before]
        before, n_before = outputs, len(batch)
    if before is not None:
        yield before.numpy()[:n_before]


def scored(model: "keras.Model", images: np.ndarray) -> np.ndarray:
    """`score` of images (n, height, width, channels) in memory, n > 0."""
    return np.concatenate(list(score(model, (images[start : start + BATCH] for start in range(0, len(images), BATCH)))))


def image_batches(images: ImageStore, tiles: np.ndarray, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Images (n, H, W, C) by tile and row, in their order, in batches of up to `BATCH`."""
    for start in range(0, len(rows), BATCH):
        batch = slice(start, start + BATCH)
        pixels = np.empty((len(rows[batch]), *images.shape), np.uint8)
        for tile in np.unique(tiles[batch]):
            here = np.flatnonzero(tiles[batch] == tile)
            pixels[here] = images.tile(int(tile))[rows[batch][here]]
        yield pixels


def scores_and_labels(outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """P(class 1) (n,) float32 and most probable class (n,) int8 of outputs (n, 1) or (n, classes)."""
    if outputs.shape[1] == 1:
        return outputs[:, 0].astype(np.float32), (outputs[:, 0] > 0.5).astype(np.int8)
    return outputs[:, 1].astype(np.float32), outputs.argmax(axis=1).astype(np.int8)


@lru_cache(maxsize=1)
def _predictor(model: "keras.Model") -> Any:
    return tf.function(lambda batch: model(tf.cast(batch, tf.float32), training=False), autograph=False)
