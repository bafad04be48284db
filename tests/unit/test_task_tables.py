"""Labelled sequences from tables, against plain loops over the same rows."""

import gzip
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tiny_corpus import random_sequence

from genoglot.errors import InputError
from genoglot.examples.sequences import encode_sequences, sequence_keys
from genoglot.examples.tables import read_table, read_tables

GUE = Path(__file__).parents[3] / "shared/data/gue"
SPLIT = {"by": "auto", "column": "split", "validation": 0.1, "test": 0.2, "drop": False}


def settings(train, validation=None, test=None, kind="classification", label="label", crop=False, split=None):
    return {
        "sequences": {"train": str(train), "validation": validation and str(validation), "test": test and str(test)},
        "columns": {"sequence": "sequence", "label": label},
        "kind": kind,
        "group": None,
        "split": SPLIT | (split or {}),
        "crop": crop,
    }


def write(path: Path, rows: list[str], header: str = "sequence,label") -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def labelled(count: int, seed: int = 0, length: int = 40) -> list[str]:
    return [f"{random_sequence(length, seed + row)},{row % 2}" for row in range(count)]


def codes_of(sequence: str, length: int) -> list[int]:
    """In the middle of N, or cut to the middle."""
    codes = ["ACGT".find(letter) % 5 for letter in sequence.upper().replace("U", "T")]
    free = length - len(codes)
    if free < 0:
        first = -(free // 2)
        return codes[first : first + length]
    return [4] * (free // 2) + codes + [4] * (free - free // 2)


def test_a_table_becomes_codes_classes_and_splits(tmp_path):
    sequences = [random_sequence(20 + row % 7, row) for row in range(60)]
    rows = [f"{sequence},{'yes' if row % 3 else 'no'}" for row, sequence in enumerate(sequences)]
    write(tmp_path / "train.csv", rows[:40])
    write(tmp_path / "dev.csv", rows[40:50])
    write(tmp_path / "test.csv", rows[50:])
    found = read_tables(settings(*(tmp_path / f"{name}.csv" for name in ("train", "dev", "test"))), 100, 1)
    assert found.target.kind == "classes"
    assert found.target.names == ("no", "yes")
    assert found.codes.tolist() == [codes_of(sequence, 26) for sequence in sequences]
    assert found.truth.tolist() == [int(row % 3 > 0) for row in range(60)]
    assert found.split.tolist() == ["train"] * 40 + ["validation"] * 10 + ["test"] * 10
    assert found.frame["line"].tolist() == [*range(2, 42), *range(2, 12), *range(2, 12)]
    assert found.about["lengths"] == [20, 26]
    assert found.about["origin"] == "a file for each"


@pytest.mark.parametrize("form", ["csv", "tsv", "gz", "windows", "parquet"])
def test_forms_of_a_table_say_the_same(form, tmp_path):
    plain = write(tmp_path / "plain.csv", labelled(30))
    expected = read_table(plain, ["sequence", "label"])
    path = tmp_path / f"other.{form}"
    text = plain.read_text()
    if form == "gz":
        path.write_bytes(gzip.compress(text.encode()))
    elif form == "tsv":
        path.write_text(text.replace(",", "\t"))
    elif form == "windows":
        path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    elif form == "parquet":
        pd.read_csv(plain).assign(more=[[1]] * 30).to_parquet(path)
        expected["line"] -= 1
    else:
        path.write_text(text)
    pd.testing.assert_frame_equal(read_table(path, ["sequence", "label"]), expected, check_dtype=False)


def test_integers_of_parquet_with_gaps_are_the_classes_of_a_csv(tmp_path):
    labels = pd.array([0, 1, None] * 20, dtype="Int64")
    frame = pd.DataFrame({"sequence": [random_sequence(30, row) for row in range(60)], "label": labels})
    frame.to_parquet(tmp_path / "a.parquet")
    found = read_tables(settings(tmp_path / "a.parquet"), 30, 1)
    assert found.target.names == ("0", "1")
    assert found.about["left_out"]["no label"] == 20
    assert found.truth.tolist() == [0, 1] * 20


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "bad.csv: the file is empty"),
        (b"\n \n", "bad.csv: the file is empty"),
        (b"sequence,label\n", "bad.csv: there is no row below the header"),
        (b"sequence,label\n\n\n", "bad.csv: there is no row below the header"),
        (b"seq,label\nACGT,1\n", "bad.csv: there is no column sequence; it has seq, label"),
        (b"sequence,label\nACGT,1,2\nACGT,1,2\n", "bad.csv: not a table whose columns are separated by commas"),
        (b"sequence,label\nACGT,1\nACGT,1,2\n", "bad.csv: not a table whose columns are separated by commas"),
        (b"sequence\tlabel\n\xff\xfe,1\n", "bad.csv: not a table whose columns are separated by tabs"),
        (b"PAR1 and no more", "bad.csv: not Parquet"),
        (gzip.compress(b"sequence,label\nACGT,1\n")[:-9], "bad.csv: the gzip data end too early"),
    ],
)
def test_what_is_no_table_is_refused(content, message, tmp_path):
    (tmp_path / "bad.csv").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_tables(settings(tmp_path / "bad.csv"), 100, 1)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv: there is no such file"):
        read_tables(settings(tmp_path / "none.csv"), 100, 1)


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (["ACGT,1", "ACXT,0"], {}, "line 3: found 'X' as letter 3 of the sequence"),
        (["ACGT,1", "ACGTé,0"], {}, "line 3: found 'é' as letter 5 of the sequence"),
        (["ACGT,1", "AC GT,0"], {}, "line 3: found ' ' as letter 3 of the sequence"),
        (["ACGT,1", ",0"], {}, "line 3: the sequence is empty"),
        (["ACGT,", "ACGA,NA"], {}, "no row has a label in label"),
        (
            ["ACGTACGTAC,1", "ACGT,1", "ACGTACGTA,1"],
            {},
            r"line 2: the sequence has 10 bases.*windows of 8 .2 such in all",
        ),
        (["ACGT,one"], {"kind": "regression"}, "line 2: found 'one' as label, expected a number"),
        (["ACGT,inf"], {"kind": "regression"}, "line 2: found 'inf' as label, expected a number"),
        (["ACGT,1"], {"split": {"by": "contig"}}, "split.by: contig: sequences of a table lie on no contig"),
        (["ACGT,1"], {"split": {"test": ["I"]}}, r"split.test: expected a share between 0 and 1, found \['I'\]"),
        (["ACGT,1"], {"split": {"validation": 1.5}}, "split.validation: expected a share between 0 and 1, found 1.5"),
    ],
)
def test_rows_that_cannot_be_used_are_named(rows, options, message, tmp_path):
    with pytest.raises(InputError, match=message):
        read_tables(settings(write(tmp_path / "bad.csv", rows), **options), 8, 1)


def test_several_columns_of_labels_need_zeros_and_ones(tmp_path):
    path = write(tmp_path / "bad.csv", ["ACGT,1,0", "ACGA,1,2"], "sequence,a,b")
    with pytest.raises(InputError, match="line 3: found '2' as b, expected 0 or 1"):
        read_tables(settings(path, kind="multilabel", label=["a", "b"]), 8, 1)
    with pytest.raises(InputError, match="classification takes one column of labels, found a, b"):
        read_tables(settings(path, label=["a", "b"]), 8, 1)


def test_rows_without_a_label_are_left_out_and_named(tmp_path, caplog):
    rows = labelled(60)
    rows[4], rows[7] = rows[4][:-1], rows[7][:-1] + "NA"
    rows.insert(20, "")
    path = write(tmp_path / "a.csv", rows)
    with caplog.at_level(logging.WARNING):
        found = read_tables(settings(path), 40, 1)
    assert found.about["left_out"]["no label"] == 2
    assert f"2 rows have no label and are left out: {path}, line 6, {path}, line 9" in caplog.text
    # an empty line counts as a line and not as a row
    assert found.frame["line"].tolist() == [line for line in range(2, 63) if line not in (6, 9, 22)]


def test_few_examples_of_a_class_are_kept_and_named(tmp_path, caplog):
    train = write(
        tmp_path / "train.csv", [*labelled(40), *(f"{random_sequence(40, 900 + row)},rare" for row in range(3))]
    )
    other = write(tmp_path / "other.csv", labelled(10, 100))
    found = read_tables(settings(train, other, other), 40, 1)
    assert found.about["per_class"]["train"]["rare"] == 3
    assert "class rare has 3 training examples" in caplog.text
    assert "class 0 has" not in caplog.text


def test_letters_of_rna_lower_case_and_iupac(tmp_path):
    sequences = pd.Series(["acgun", "ACGTR", "NNACG", "yACk", "A"])
    codes, ambiguous = encode_sequences(sequences, pd.Series(list("abcde")), 5)
    assert codes.tolist() == [codes_of(sequence, 5) for sequence in sequences]
    assert codes[0].tolist() == [0, 1, 2, 3, 4]
    assert ambiguous == 2


def test_long_sequences_are_cut_to_their_middle_where_that_is_asked_for(tmp_path):
    sequences = [random_sequence(10 + row % 20, row) for row in range(80)]
    path = write(tmp_path / "a.csv", [f"{sequence},{row % 2}" for row, sequence in enumerate(sequences)])
    found = read_tables(settings(path, crop=True), 16, 1)
    assert found.codes.tolist() == [codes_of(sequence, 16) for sequence in sequences]
    assert found.about["cropped"] == sum(len(sequence) > 16 for sequence in sequences)


def test_labels_of_one_column_are_those_of_several(tmp_path):
    kinds = [("a", "b"), ("b",), (), ("c", "a"), ("b", "c")]
    chosen = [kinds[row % 5] for row in range(60)]
    sequences = [random_sequence(30, row) for row in range(60)]
    pairs = list(zip(sequences, chosen, strict=True))
    wide = write(
        tmp_path / "wide.csv",
        [",".join([text, *(str(int(name in some)) for name in "abc")]) for text, some in pairs],
        "sequence,a,b,c",
    )
    narrow = write(tmp_path / "narrow.csv", [f"{text},{' ; '.join(some) or 'none'}" for text, some in pairs])
    one = read_tables(settings(narrow, kind="multilabel"), 30, 1)
    several = read_tables(settings(wide, kind="multilabel", label=["a", "b", "c"]), 30, 1)
    assert one.target == several.target
    assert one.target.names == ("a", "b", "c")
    expected = [[float(name in some) for name in "abc"] for some in chosen]
    assert one.truth.tolist() == several.truth.tolist() == expected
    assert one.truth.dtype == np.float32


def test_numbers_that_are_not_known_are_left_out_cell_by_cell(tmp_path):
    cells = [("1.5", "nan"), ("", "2"), ("", "NA"), ("-3e1", "4")]
    rows = [f"{random_sequence(30, row)},{','.join(cells[row % 4])}" for row in range(80)]
    found = read_tables(
        settings(write(tmp_path / "a.csv", rows, "sequence,x,y"), kind="regression", label=["x", "y"]), 30, 1
    )
    assert found.target.names == ("x", "y")
    assert found.about["left_out"] == {"no label": 20, "cells without a value": {"x": 20, "y": 20}}
    np.testing.assert_array_equal(found.truth[:3], np.array([[1.5, np.nan], [np.nan, 2], [-30, 4]], dtype=np.float32))


def test_keys_are_those_of_a_sequence_and_its_reverse_complement():
    pair = str.maketrans("ACGT", "TGCA")
    texts = [random_sequence(length, seed) for seed in range(40) for length in (1, 2, 3, 9, 12)]
    texts += [text[::-1].translate(pair) for text in texts]
    codes, _ = encode_sequences(pd.Series(texts), pd.Series(texts), 13)
    other, _ = encode_sequences(pd.Series(texts), pd.Series(texts), 29)
    keys = sequence_keys(codes)
    names = [min(text, text[::-1].translate(pair)) for text in texts]
    expected = pd.factorize(pd.Series(names))[0]
    np.testing.assert_array_equal(pd.factorize(keys)[0], expected)
    # however much N is around
    np.testing.assert_array_equal(sequence_keys(other), keys)


@pytest.mark.skipif(not GUE.is_dir(), reason="the data of GUE are not beside the project")
def test_gue_is_read_as_it_is():
    folder = GUE / "prom/prom_core_tata"
    files = [folder / f"{name}.csv.gz" for name in ("train", "dev", "test")]
    found = read_tables(settings(*files), 100, 1)
    texts = [gzip.decompress(path.read_bytes()).decode() for path in files]
    rows = [line.split(",") for text in texts for line in text.split()[1:]]
    assert found.about["counts"] == {"train": 4904, "validation": 613, "test": 613}
    assert found.truth.tolist() == [int(label) for _, label in rows]
    pick = range(0, len(rows), 97)
    assert found.codes[pick].tolist() == [codes_of(rows[row][0], 70) for row in pick]
