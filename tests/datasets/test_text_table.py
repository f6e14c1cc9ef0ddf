"""Test that files of interactions and features are read as written, and that errors name the invalid line."""

from __future__ import annotations

import csv
import io

import pandas as pd
import pytest

from sklearn_recsketch.datasets import load_features, load_likes

HEADER = "modelname|mid|uid\n"
NAMES = [
    "A | B",
    'say "hi"',
    "\\o/",
    "\\x\\",
    "nan",
    "",
    "a\nb",
    "a\r\nb",
    " sp ",
    '"',
    "\\",
    '"|',
    '|"',
    "\\|",
    "Ünï",
    "\u2028",
]


@pytest.fixture
def read(tmp_path):
    """A function that writes a file with this content and loads it."""

    def load(content, **options):
        path = tmp_path / "likes.psv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return load_likes(path, **options)

    return load


def pairs(likes):
    return likes.data.to_numpy().tolist()


# Valid files.


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
@pytest.mark.parametrize("quotechar", ['"', "\\"])
@pytest.mark.parametrize("index", [True, False])
@pytest.mark.parametrize(("sep", "end"), [("|", "\n"), ("\t", "\n"), (",", "\r\n"), (";", "\r\n")])
def test_tables_written_by_pandas_are_read_without_changes(tmp_path, quoting, quotechar, index, sep, end):
    table = pd.DataFrame({"modelname": NAMES, "mid": [f"m{i}" for i in range(len(NAMES))], "uid": "007"})
    for part in (table, *(table.iloc[[i]] for i in range(len(table)))):
        part.to_csv(tmp_path / "f", sep=sep, index=index, quoting=quoting, quotechar=quotechar, lineterminator=end)
        likes = load_likes(tmp_path / "f", sep=sep)
        assert likes.names.tolist() == part["modelname"].tolist()
        assert pairs(likes) == [["007", item] for item in part["mid"]]


@pytest.mark.parametrize("names", [["\\", "\\"], ["\\", "a", "\\"], ["\\", "\\", "a\nb"], ["\\ x", "|", "\\"]])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_names_that_are_a_backslash_are_not_read_as_quotes(tmp_path, names, end):
    table = pd.DataFrame({"modelname": names, "mid": [f"m{i}" for i in range(len(names))], "uid": "ann"})
    table.to_csv(tmp_path / "f", sep="|", index=False, lineterminator=end)
    assert load_likes(tmp_path / "f").names.tolist() == names


@pytest.mark.parametrize("names", [["\rA"], ["A", "\r"], ["A\rB", "C"], ["A\r", "\r|"], ['\r"']])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_name_may_contain_a_carriage_return(tmp_path, names, end):
    table = pd.DataFrame({"modelname": names, "mid": [f"m{i}" for i in range(len(names))], "uid": "ann"})
    table.to_csv(tmp_path / "f", sep="|", index=False, lineterminator=end)
    assert load_likes(tmp_path / "f").names.tolist() == names


@pytest.mark.parametrize("mark", ["\ufdd0", "\ufdd0\ufdd1", "\ue000"])
def test_an_unusual_character_beside_a_carriage_return_is_kept(read, mark):
    assert read(HEADER + f"{mark}\rA|m1|ann{mark}\n").names["m1"] == f"{mark}\rA"
    assert read(HEADER + f"{mark}A|m1|ann{mark}\n").data["user"].tolist() == [f"ann{mark}"]


def test_lines_may_end_with_carriage_returns(read):
    for end in ("\r", "\r\r\n"):
        assert pairs(read((HEADER + "A|m1|ann\nB|m2|bob\n").replace("\n", end))) == [["ann", "m1"], ["bob", "m2"]]


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
def test_an_empty_first_field_after_blank_lines_is_kept(read, end):
    likes = read("modelname|mid|uid|day\n\n\n|m1|ann|1\nB|m2|bob|2\n".replace("\n", end))
    assert pairs(likes) == [["ann", "m1"], ["bob", "m2"]]
    assert likes.names["m1"] == ""


@pytest.mark.parametrize("name", ["f.gz", "f.bz2", "f.xz", "f.zip"])
def test_compressed_files_are_recognized_by_their_extension(tmp_path, name):
    pd.DataFrame({"mid": ["m1"], "uid": ["a"]}).to_csv(tmp_path / name, sep="|", index=False)
    assert pairs(load_likes(tmp_path / name)) == [["a", "m1"]]


@pytest.mark.parametrize("form", [str, lambda path: path, lambda path: path.as_uri(), lambda path: path.open("rb"),
                                  lambda path: io.StringIO(path.read_text(encoding="utf-8"))])  # fmt: skip
def test_paths_urls_and_files_are_read(tmp_path, form):
    (tmp_path / "f").write_text(HEADER + "A|m1|ann\n")
    source = form(tmp_path / "f")
    assert pairs(load_likes(source)) == [["ann", "m1"]]
    if hasattr(source, "close"):
        source.close()


@pytest.mark.parametrize(
    "content",
    [
        HEADER + "A|m1|ann\nB|m2|bob",
        HEADER.replace("\n", "\r\n") + "A|m1|ann\r\nB|m2|bob\r\n",
        "\n\n" + HEADER + "\nA|m1|ann\n  \nB|m2|bob\n\n",
        b"\xef\xbb\xbf" + HEADER.encode() + b"A|m1|ann\nB|m2|bob\n",
        "x|x|mid|uid\n1|2|m1|ann\n1|2|m2|bob\n",
        '"mid"|"uid"\n"m1"|"ann"\n"m2"|"bob"\n',
        'mid|uid\n"m1"|"ann"\n"m2"|"bob"\n',
    ],
    ids=["no last break", "crlf", "blank lines", "bom", "repeated columns", "all quoted", "values quoted"],
)
def test_blank_lines_quotes_and_line_endings_do_not_change_the_data(read, content):
    assert pairs(read(content)) == [["ann", "m1"], ["bob", "m2"]]


def test_ids_are_strings_without_changes(read):
    assert pairs(read(HEADER + "A|007|001\nB|null|nan\nC| m1|ann \n")) == [
        ["001", "007"],
        ["nan", "null"],
        ["ann ", " m1"],
    ]


@pytest.mark.parametrize("name", ['"Weird Al" Yankovic', "\\o/ hat", '"', '"Hello"'])
def test_a_name_may_begin_with_a_quote(read, name):
    assert read(HEADER + f"{name}|m1|ann\nB|m2|bob\n").names["m1"] == name


@pytest.mark.parametrize("name", ['"A', "\\A"])
def test_quotechar_none_keeps_quotes(read, name):
    assert read(HEADER + f"{name}|m1|ann\n", quotechar=None).names["m1"] == name


def test_columns_may_have_thousands_of_equal_names(read):
    header, row = (one * 3000 for one in ("x|", "1|"))
    assert pairs(read(f"{header}mid|uid\n{row}m1|ann\n")) == [["ann", "m1"]]


def test_other_encodings_can_be_read(read):
    for encoding in ("latin-1", "utf-16"):
        assert read((HEADER + "Café|m1|ann\n").encode(encoding), encoding=encoding).names["m1"] == "Café"


def test_a_field_may_be_huge(read):
    limit = csv.field_size_limit()
    assert len(read(HEADER + "A" * 300_000 + "|m1|ann\n").names["m1"]) == 300_000
    with pytest.raises(ValueError, match="Line 3 of"):
        read(HEADER + "A" * 300_000 + "|m1|ann\nB|m2\n")
    assert csv.field_size_limit() == limit


# Invalid files.

LATIN = (HEADER + "A|m|a\nCafé|m1|ann\n").encode("latin-1")
LINES = {
    "blank user": (HEADER + "A|m1|ann\nB|m2|\n", r"Line 3 of .* has a blank uid: 'B\|m2\|'\. Fill it in"),
    "blank item": (HEADER + "A|m1|ann\n\nB| |ann\n", r"Line 4 of .* has a blank mid: 'B\| \|ann'"),
    "blank first": ("mid|uid\n|ann\n", r"Line 2 of .* has a blank mid: '\|ann'"),
    "after a break": (HEADER + '"A\nB"|m1|ann\nB|m2|\n', r"Line 4 of .* has a blank uid"),
    "more": (HEADER + "A|m1|ann\nB|C|m2|ann\n", r"Line 3 of .* has 4 fields, but .* 3: 'B\|C\|m2\|ann'\. Quote"),
    "more in all": (HEADER + "A|m1|ann|x\nB|m2|ann|x\n", "Line 2 of .* has 4 fields, but the header has 3"),
    "more in the first": (HEADER + "A|m1|ann|x\nB|m2|ann\n", "Line 2 of .* has 4 fields"),
    "more at the end": (HEADER + "A|m1|ann\nB|m2|ann|\n", "Line 3 of .* has 4 fields"),
    "fewer": (HEADER + "A|m1|ann\nB|m2\n", r"Line 3 of .* has 2 fields, but the header has 3: 'B\|m2'\. Add"),
    "fewer without an id": ("mid|uid|modelname\nm1|ann|A\nm2|ann\n", "Line 3 of .* has 2 fields"),
    "fewer beside quotes": ('mid|uid|modelname\nm1|ann|"A | B"\nm2|ann\n', "Line 3 of .* has 2 fields"),
    "unfinished": (HEADER + "\\A | B\\|m1|ann\n\\o/|m2|bob\n", "Line 3 of .* has 1 field, .* begins with the quote"),
    "nul": (HEADER + "A|m\x001|ann\n", "Line 2 of .* contains a NUL character"),
    "latin-1": (LATIN, r"Line 3 of .* is not utf-8: it contains byte 0xe9 .*'Café\|m1\|ann'.*='latin-1'"),
    "unfinished at the end": (
        'mid|uid\n"a|b"|ann\nm2|"bob\nm3|eve\n',
        "Line 3 of .* is incomplete: 'm2.*begins with the quote",
    ),
    "utf-16": (HEADER.encode("utf-16"), "Line 1 of .* is not utf-8: .* set encoding='utf-16'"),
    "empty": ("", "is empty, but its first line must name the columns"),
    "header only": (HEADER, "has a header but no rows"),
    "repeated column": ("uid|uid|mid\na|b|m\n", "has 2 columns 'uid'"),
    "other separator": (HEADER.replace("|", ",") + "A,m1,ann\n", r"set sep=','\.$"),
    "other separator and names": ("who\twhat\na\tb\n", r"set sep='\\t'\.$"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "text"), LINES.values(), ids=LINES)
def test_the_error_names_the_invalid_line(read, content, text):
    with pytest.raises(ValueError, match=text):
        read(content)


def test_the_error_names_the_line_of_a_quote_that_does_not_end(read):
    with pytest.raises(ValueError, match=r"Line 2 of .* does not end with it\. .* set quotechar to None"):
        read(HEADER + "\\o/ hat|m1|ann\nB|m2|bob\n", quotechar="\\")


def test_the_error_names_the_line_of_a_lone_surrogate():
    with pytest.raises(ValueError, match=r"Line 3 of the file is not valid text: 'B.*' contains a lone surrogate"):
        load_likes(io.StringIO(HEADER + "A|m1|ann\nB|m2|b\udcf1b\n"))


def test_the_error_shows_the_beginning_of_a_weight_that_overflows(read):
    with pytest.raises(ValueError, match=f"w must be a number, got '{'9' * 80}...' in line 2 of"):
        read(f"mid|uid|w\na|b|{'9' * 400}\n", weight="w")


@pytest.mark.parametrize("value", ["many", "", "1,5"])
def test_the_error_names_the_line_of_an_invalid_weight(read, value):
    with pytest.raises(ValueError, match=f"w must be a number, got '{value}' in line 5 of"):
        read(f"mid|uid|w\na|b|2\na|b|2\n\na|c|{value}\n", weight="w")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"sep": "||"}, r"sep must be one character, got '\|\|'"),
        ({"quotechar": ""}, "quotechar must be one character, got ''"),
        ({"quotechar": "|"}, "sep and quotechar must differ"),
        ({"encoding": "utf-80"}, "encoding must be known to Python"),
    ],
)
def test_invalid_parameters_are_rejected(read, options, text):
    with pytest.raises(ValueError, match=text):
        read(HEADER + "A|m1|ann\n", **options)


# Files of features.


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("mid|type|value\nm1|tag|a\n|tag|b\n", "Line 3 of .* has a blank mid"),
        ("mid|type|value\nm1|tag|a\nm2||b\n", "Line 3 of .* has a blank type"),
        ("mid|type|value\nm1|tag|a\nm2|tag\n", "Line 3 of .* has 2 fields"),
        ("mid,type,value\nm1,tag,a\n", "set sep=','"),
        ("mid|type|value\nm1|tag|é\n".encode("latin-1"), "Line 2 of .*='latin-1'"),
    ],
)
def test_the_error_names_the_invalid_line_of_features(tmp_path, content, text):
    (tmp_path / "f").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=text):
        load_features(tmp_path / "f")


def test_features_written_by_pandas_are_read(tmp_path):
    table = pd.DataFrame({"mid": ["007", "m2"], "type": "tag", "value": ["A | b", "null"]})
    table.to_csv(tmp_path / "f", sep="|")
    features = load_features(tmp_path / "f", lowercase=False)
    assert features.ids.tolist() == ["007", "m2"]
    assert features.feature_names().tolist() == ["tag=A | b", "tag=null"]


def test_encoding_must_be_a_string(read):
    with pytest.raises(ValueError, match="encoding must be known to Python, such as 'utf-8', got None"):
        read(HEADER + "A|m1|ann\n", encoding=None)
