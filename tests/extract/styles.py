"""Logs as programs print them (logs/), what is pointed at, and all that is to be found: for the tests of `extract`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from neronet.wire.points import Lines

LOGS = Path(__file__).parent / "logs"


class Style(NamedTuple):
    file: str
    line: str  # the last line that has this is pointed at
    number: str  # the last place of this in it
    name: str
    values: Sequence[float]
    steps: Sequence[float] | None  # None: the program tells none, points are numbered
    kept: str = ""  # of a progress bar

    @property
    def id(self) -> str:
        return f"{self.file.removesuffix('.log')}:{self.name}"

    def place(self) -> tuple[list[str], int, int]:
        """(lines, number of the line, column)."""
        lines = lines_of(self.file)
        index = max(n for n, line in enumerate(lines) if self.line in line and self.number in line)
        return lines, index, lines[index].rindex(self.number)


def lines_of(file: str) -> list[str]:
    cutter = Lines()
    found = cutter.feed((LOGS / file).read_bytes()) + cutter.finish()
    return [line.decode() for _, line in found]


STYLES = [
    # A bar for each epoch: pointed at a complete bar, complete bars are kept and the updates before are not.
    Style("keras.log", "val_loss", "0.1423", "val_loss", [0.2514, 0.1702, 0.1423], [1, 2, 3], "complete bars"),
    Style("keras.log", "val_loss", "0.1650", "loss", [0.4893, 0.2231, 0.165], [1, 2, 3], "complete bars"),
    Style("keras.log", "Test", "0.9581000208854675", "test_accuracy", [0.9581000208854675], None),
    Style("keras3.log", "val_loss", "0.1423", "val_loss", [0.2514, 0.1702, 0.1423], [1, 2, 3], "complete bars"),
    Style("keras3.log", "val_loss", "0.9519", "accuracy", [0.8576, 0.9341, 0.9519], [1, 2, 3], "complete bars"),
    # Lightning draws the complete bar twice: before the validation with the old val_loss, and after it, which counts.
    Style(
        "lightning.log", "val_loss=0.195", "0.195", "val_loss",
        [0.301, 0.222, 0.195], [0, 1, 2], "complete bars",
    ),
    Style(
        "lightning.log", "val_loss=0.195", "0.187", "train_loss",
        [0.412, 0.254, 0.187], [0, 1, 2], "complete bars",
    ),
    Style("huggingface.log", "eval_loss", "0.35", "eval_loss", [0.6, 0.35, 0.5 / 3 + 0.1], [1, 2, 3]),
    Style(
        "huggingface.log", "'grad_norm'", "0.34", "loss",
        [0.69, 0.58, 0.34, 0.28, 0.2233, 0.18], [0.5, 1, 1.5, 2, 2.5, 3],
    ),
    # One bar for the whole run: every update is kept, its step is the n of n/N.
    Style(
        "tqdm.log", "100/200", "0.167", "loss",
        [0.5, 0.333, 0.25, 0.2, 0.167, 0.143, 0.125, 0.111, 0.1, 0.0909], range(20, 201, 20), "all updates",
    ),
    Style(
        "tqdm.log", "200/200", "0.0909", "loss",
        [0.5, 0.333, 0.25, 0.2, 0.167, 0.143, 0.125, 0.111, 0.1, 0.0909], range(20, 201, 20), "all updates",
    ),
    Style(
        "sklearn_boosting.log", "30 ", "0.6141", "train_loss",
        [1.2679, 1.2366, 1.2061, 1.1763, 1.1472, 1.1189, 1.0913, 1.0643, 1.0381, 1.0124, 0.7885, 0.6141, 0.4782,
         0.3725, 0.2901, 0.2259, 0.1759, 0.137, 0.1067],
        [*range(1, 11), *range(20, 101, 10)],
    ),
    Style(
        "sklearn_mlp.log", "Iteration 3,", "0.76666667", "loss",
        [round(2.3 / n, 8) for n in range(1, 16)], range(1, 16),
    ),
    Style("sklearn_grid.log", "CV 2/3", "0.970", "score", [0.915, 0.925, 0.935, 0.96, 0.97, 0.98], None),
    Style(
        "xgboost.log", "[3]", "2.44959", "valid-rmse",
        [3.3, 2.98452, 2.70221, 2.44959, 2.22354, 2.02126, 1.84025, 1.67828, 1.53334, 1.40364, 1.28758,
         1.18372, 1.09079, 1.00763, 0.93322, 0.86663, 0.80704, 0.75372, 0.70601, 0.66331, 0.6251, 0.59092,
         0.56032, 0.53295, 0.50845, 0.48653, 0.46691, 0.44936, 0.43365, 0.4196],
        range(30),
    ),
    Style(
        "lightgbm.log", "[50]", "0.138650", "valid_0_l2",
        [0.24162, 0.209133, 0.181633, 0.158354, 0.13865, 0.12197, 0.107851, 0.095899, 0.085783, 0.077219,
         0.077219],
        [*range(10, 101, 10), 100],  # the best iteration is printed once more at the end
    ),
    Style(
        "lammps.log", "150   ", "-2.2810074", "TotEng",
        [-2.2744931, -2.2824513, -2.281301, -2.2810074, -2.2807916, -2.2812174], range(0, 251, 50),
    ),
    Style("gromacs.log", "-2.10500e+02", "4.75000e+01", "Pressure_bar", [-12.5, 7.5, 27.5, 47.5], [0, 5000, 10000, 15000]),
    Style("gromacs.log", "3.00600e+02", "3.00600e+02", "Temperature", [299.1, 299.6, 300.1, 300.6], [0, 5000, 10000, 15000]),
    Style("gromacs.log", "-3.89980e+05", "-3.89980e+05", "Coulomb_SR", [-390000, -389990, -389980, -389970], [0, 5000, 10000, 15000]),
    # Its steps are lines of their own.
    Style(
        "openfoam.log", "Solving for Ux", "0.0625,", "ux_initial_residual",
        [1, 0.25, 0.111111, 0.0625, 0.04, 0.0277778], [0.005, 0.01, 0.015, 0.02, 0.025, 0.03],
    ),
    Style(
        "openfoam.log", "Solving for p", "0.08,", "p_initial_residual",
        [0.59, 0.32, 0.295, 0.16, 0.196667, 0.106667, 0.1475, 0.08, 0.118, 0.064, 0.0983333, 0.0533333],
        [0.005, 0.005, 0.01, 0.01, 0.015, 0.015, 0.02, 0.02, 0.025, 0.025, 0.03, 0.03],
    ),
    Style("table.csv.log", "5,", "0.2400", "val_loss", [round(1.2 / n, 4) for n in range(1, 9)], range(1, 9)),
    Style(
        "lines.jsonl.log", '"step": 300', "0.5000", "metrics.train.loss",
        [2, 1, 0.6667, 0.5, 0.4], range(0, 401, 100),
    ),
    Style(
        "keyvalue.log", "trainer: step=500", "0.4000", "trainer_loss",
        [2, 1, 0.6667, 0.5, 0.4, 0.3333, 0.2857, 0.25, 0.2222, 0.2], range(100, 1001, 100),
    ),
    Style("keyvalue.log", "eval", "7.00", "ppl", [8, 7], [500, 1000]),
    Style(
        "comma.log", "Durchlauf 4", "0,2250", "verlust", [0.9, 0.45, 0.3, 0.225, 0.18, 0.15, 0.1286], range(1, 8)
    ),
    Style("comma.log", "Durchlauf 4", "74,0", "genauigkeit", [56, 62, 68, 74, 80, 86, 92], range(1, 8)),
    Style(
        "units.log", "iter 200", "814.8", "throughput",
        [803.7, 807.4, 811.1, 814.8, 818.5, 822.2, 825.9, 829.6], range(50, 401, 50),
    ),
    Style(
        "units.log", "iter 200", "9.4", "gpu_memory", [9.1, 9.2, 9.3, 9.4, 9.5, 9.6, 9.7, 9.8], range(50, 401, 50)
    ),
    Style("first.log", "Training", "4.95404", "training_took", [4.95404], None),
    Style("first.log", "Error", "0.2135", "error_rate", [0.2135], None),
    Style("pytorch_mnist.log", "1280/60000", "0.510000", "loss", [2.3, 1.98, 1.66, 1.15, 0.83, 0.51], None),
    Style("pytorch_mnist.log", "Average", "0.1000", "average_loss", [0.2, 0.1], [1, 2]),
    Style("pytorch_mnist.log", "Average", "96", "accuracy", [93, 96], [1, 2]),
    Style("tags.log", "[Val]", "0.2750", "val_loss", [1.1, 0.55, 0.3667, 0.275, 0.22], range(1, 6)),
    Style("tags.log", "[Train]", "0.2500", "train_loss", [1, 0.5, 0.3333, 0.25, 0.2], range(1, 6)),
    Style("tags.log", "Test", "93.1", "test_accuracy", [93.1], None),
    # Colours as they print them; rich colours the parts of a number by themselves.
    Style("rich.log", "Epoch", "0.2500", "loss", [1, 0.5, 0.3333, 0.25, 0.2, 0.1667], range(1, 7)),
    Style("rich.log", "Epoch", "0\x1b[0m\x1b[1;36m.3000", "val_loss", [1.2, 0.6, 0.4, 0.3, 0.24, 0.2], range(1, 7)),
    Style(
        "rich_logging.log", "400", "0.3250", "val_loss", [1.3, 0.65, 0.4333, 0.325, 0.26, 0.2167], range(100, 601, 100),
    ),
    Style(
        "loguru.log", "epoch=4", "0.2500", "loss",
        [1, 0.5, 0.3333, 0.25, 0.2, 0.1667, 0.1429], range(1, 8),
    ),
    Style("loguru.log", "epoch", "0.3500", "val_loss", [1.4, 0.7, 0.4667, 0.35, 0.28, 0.2333], range(1, 7)),
    Style("colorlog.log", "Epoch 4", "0.2500", "train_loss", [1, 0.5, 0.3333, 0.25, 0.2, 0.1667], range(1, 7)),
    Style("colorlog.log", "Epoch 4", "0.3750", "test_loss", [1.5, 0.75, 0.5, 0.375, 0.3, 0.25], range(1, 7)),
    Style("structlog.log", "epoch done", "0.25", "loss", [1, 0.5, 0.3333, 0.25, 0.2, 0.1667], range(1, 7)),
    Style("structlog.log", "epoch done", "5.5", "took", [2.5, 3.5, 4.5, 5.5, 6.5, 7.5], range(1, 7)),
    # The coloured bar of tqdm is drawn twice when it is complete.
    Style(
        "tqdm_colour.log", "100%", "0.2500", "loss",
        [1, 0.5, 0.3333, 0.25, 0.2, 0.1667], range(1, 7), "complete bars",
    ),
    # Lines that a sign at their beginning tells from their likes.
    Style("espresso.log", "!    total", "-15.88000000", "total_energy", [-15.86, -15.87, -15.88], None),
    Style("espresso.log", "Total force", "0.033333", "total_force", [0.1, 0.05, 0.033333], None),
    # Tables with cells that are no numbers, with a rule below their headings, with a word before each row.
    Style(
        "ipopt.log", "   7  ", "2.0000000e+00", "objective", [float(f"{16 / n:.7e}") for n in range(1, 15)], range(14),
    ),
    Style("fastai.log", "3   ", "0.275000", "valid_loss", [1.1, 0.55, 0.366667, 0.275, 0.22, 0.183333], range(6)),
    Style(
        "spacy.log", "   800 ", "180.00", "loss_ner", [round(900 / n, 2) for n in range(1, 8)], range(0, 1201, 200),
    ),
    Style("namd.log", "ENERGY:     500", "-1012.5000", "TOTAL", [-1000 - 2.5 * n for n in range(8)], range(0, 701, 100)),
    # Steps in the program's own words.
    Style(
        "ffmpeg.log", "240 fps", "2006.0", "bitrate", [2001.5, 2003, 2004.5, 2006, 2007.5, 2009], range(60, 361, 60),
    ),
    Style("ping.log", "icmp_seq=4", "0.340", "time", [0.31, 0.32, 0.33, 0.34, 0.35, 0.36], range(1, 7)),
    Style("french.log", "Itération 4", "0,2500", "perte", [1, 0.5, 0.3333, 0.25, 0.2, 0.1667], range(1, 7)),
    Style(
        "sklearn_sgd.log", "T: 3000", "0.333333", "avg_loss", [1, 0.5, 0.333333, 0.25, 0.2, 0.166667],
        range(1000, 6001, 1000),
    ),
    Style("amber.log", "NSTEP =     4000", "299.00", "TEMP_K", [298 + n / 4 for n in range(1, 7)], range(1000, 6001, 1000)),
    Style("gaussian.log", "SCF Done", "-76.4400000", "E_RB3LYP", [round(-76.4 - n / 100, 7) for n in range(1, 7)], None),
    Style("vowpal.log", "         16  ", "0.250000", "loss", [round(1 / n, 6) for n in range(1, 7)], [2, 4, 8, 16, 32, 64]),
    Style("optuna.log", "Trial 2 ", "0.65", "finished_with_value", [0.8, 0.5, 0.65, 0.4, 0.45, 0.2], range(6)),
    # Tables whose rows differ in their form: empty cells, marks, words, brackets, units; solvers, benchmarks, samplers.
    Style("scipy_least.log", " 4  ", "4.0395e-01", "cost",
        [262.09, 2.597, 0.97849, 0.5436, 0.40395, 0.1877, 0.18208, 0.18208, 0.18208], range(9),
    ),
    Style("cma.log", " 100  ", "4.988442446527026e-01", "function_value",
        [48.01622562830294, 47.776055991185, 20.94165205356063, 0.4988442446527026, 3.996682840295211e-07,
        3.031014478593815e-14], [1, 2, 3, 100, 200, 280],
    ),
    Style("octave_fminbnd.log", "0.81670", "-6.08866", "f_x",
        [-5.58359, -5.83902, -6.08648, -6.08852, -6.08866, -6.08866, -6.08866, -6.08866, 1, 0.248006, -1.01823,
        -0.00975886, 4.76605e-05, -4.75389e-05, -1.44995e-13, 0], [1, 2, 3, 4, 5, 6, 7, 8, 2, 3, 4, 5, 6, 7, 8, 9],
    ),
    Style("sysbench.log", "[ 6s ]", "4283.21", "eps",
        [2915.5, 4233.11, 4262.16, 4332.61, 4367.35, 4283.21, 4369.19, 4364.67, 3245.95], range(1, 10),
    ),
    Style("sysbench.log", "[ 9s ]", "0.28", "lat_ms_95%",
        [0.36, 0.27, 0.27, 0.26, 0.26, 0.28, 0.3, 0.26, 0.28], range(1, 10),
    ),
    Style("rsync.log", " 63%", "39.01", "MB/s",
        [38.91, 38.98, 39.01, 39, 39.53, 39.53, 39.53, 39.53], [41648128.0, 84967424.0, 127926272.0, 171311104.0,
        2e+08, 2e+08, 2e+08, 2e+08],
    ),
    Style("ecos.log", " 4  +", "+1.342e+01", "pcost",
        [9.158e-24, -1.041, 4.341, 10.22, 13.42, 16.77, 19.24, 22.85, 24.9, 25.45, 25.54, 25.58, 25.58, 25.58,
        25.58], range(15),
    ),
    Style("cp_sat.log", "#10 ", "247", "best",
        [265, 264, 262, 261, 258, 257, 256, 253, 252, 247, 245, 244, 243, 241, 217], range(1, 16),
    ),
    Style("yolo.log", "100% ", "0.01592", "box_loss", [0.006909, 0.01592, 0.004769], range(1, 4), "complete bars"),
    Style("imagenet.log", "Epoch: [2][3/6]", "4.5121e-01", "loss",
        [7.0375, 6.4261, 5.3251, 3.9596, 2.5077, 0.87999, 0.58313, 0.45121, 0.85394], None,
    ),
    Style("word_language_model.log", "  3 |    40/", "5.81", "loss",
        [6.7, 5.95, 5.98, 6.2, 5.83, 5.91, 6.17, 5.81, 5.89, 6.15, 5.78, 5.83], None,
    ),
    Style("word_language_model.log", "end of epoch   3", "5.92", "valid_loss", [5.94, 5.93, 5.92, 5.9], range(1, 5)),
    Style("highs.log", " L ", "-1230", "BestSol", [0, -59, -1028, -1070, -1230, -1232, -1232, -1232, -1232], None),
    Style("scipy_trust.log", "|  10   |", "+4.2027e+00", "obj_func",
        [205, 205, 42.532, 177.95, 150.9, 104.37, 91.343, 28.624, 13.736, 4.2027, 3.9931, 3.9919, 3.9863, 3.974,
        3.9469, 3.8883, 3.7961, 3.7121, 3.6372, 3.5542], range(1, 21),
    ),
    Style("ase.log", "BFGS:    5 ", "-0.032275", "energy",
        [3.146267, 2.004889, 0.354988, 0.131633, 0.051908, -0.032275, -0.102755, -0.135575, -0.148929, -0.161076,
        -0.172, -0.176809, -0.178589, -0.179855, -0.180958, -0.181462, -0.18159], range(17),
    ),
    Style("mrbayes.log", " 9500 -- ", "-1316.060", "column_2",
        [-1702.058, -1314.203, -1315.145, -1317.862, -1317.218, -1318.281, -1314.226, -1313.135, -1316.184,
        -1315.819, -1312.517, -1315.877, -1314.83, -1313.718, -1312.207, -1317.104, -1312.352, -1313.606, -1312.92,
        -1316.06, -1317.252], range(0, 10001, 500),
    ),
    Style("r_nelder_mead.log", "LO-REDUCTION      13", "4.456256", "column_2",
        [24.2, 15.08, 7.095296, 4.728125, 4.541696, 4.456256, 4.21, 4.178989, 4.070813, 4.03981, 4.020798, 4.009379,
        3.9936, 3.993115, 3.980807, 3.971089, 3.935345, 3.932179, 3.85573, 3.849794, 3.699672, 3.684292, 3.413447,
        3.230691, 3.229015, 3.10371], range(3, 54, 2),
    ),
    Style("scip.log", "6012k |", "-8.034010e+02", "dualbound",
        [-2105, -2105, -809.2314, -809.2314, -809.2314, -809.2314, -809.2314, -807.1543, -807.1543, -806.3551,
        -806.2408, -805.9611, -805.8161, -804.4963, -804.3149, -804.3149, -804.1242, -804.1242, -804.1013,
        -803.7623, -803.7426, -803.6908, -803.6811, -803.6474, -803.6283, -803.5209, -803.4999, -803.4671,
        -803.4556, -803.4486, -803.4469, -803.445, -803.443, -803.4184, -803.4183, -803.401, -803.401], None,
    ),
]  # fmt: skip
