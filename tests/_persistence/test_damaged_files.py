"""Damaged and forged files raise a ModelFileError, or they load the model that was saved."""

from __future__ import annotations

import json
import struct
import zipfile

import numpy as np
import pytest
from estimators import small
from forged_files import DOCUMENT, contents, forge, write
from model_equality import assert_same_model

from sklearn_recsketch import WARPRecommender, load_model, save_model
from sklearn_recsketch._persistence.zip_members import read_directory
from sklearn_recsketch.exceptions import ModelFileError

ROUNDS = 60  # mutations of each kind
MODES = pytest.mark.parametrize("mmap_mode", [None, "r"])


@pytest.fixture(scope="module")
def saved(tiny, tmp_path_factory):
    """A model with strings, side features and a random state, and its file as bytes."""
    X, y, item_features, _ = tiny
    X = X.assign(user=[f"ü{user}" for user in X["user"]])
    model = small([WARPRecommender])[0].set_params(random_state=np.random.RandomState(1))
    path = tmp_path_factory.mktemp("saved") / "model.zip"
    save_model(model.fit(X, y, item_features=item_features), path)
    return model, path.read_bytes()


@pytest.fixture
def file(saved, tmp_path):
    """Path of a copy of the file."""
    (tmp_path / "model.zip").write_bytes(saved[1])
    return tmp_path / "model.zip"


def flip_a_bit(data, rng):
    data[rng.integers(len(data))] ^= 1 << rng.integers(8)
    return data


def truncate(data, rng):
    return data[: rng.integers(len(data))]


def swap_two_bytes(data, rng):
    one, other = rng.integers(len(data), size=2)
    data[one], data[other] = data[other], data[one]
    return data


def insert_bytes(data, rng):
    place = int(rng.integers(len(data) + 1))
    return data[:place] + rng.bytes(rng.integers(1, 100)) + data[place:]


def remove_bytes(data, rng):
    place = int(rng.integers(len(data)))
    return data[:place] + data[place + int(rng.integers(1, 100)) :]


def zero_a_block(data, rng):
    place = int(rng.integers(len(data)))
    return data[:place] + bytes(len(data[place : place + 512])) + data[place + 512 :]


def overwrite_a_zip_field(data, rng):
    """Write a random or extreme number into a header of a member, into the directory or into its end."""
    signature, length = [(b"PK\3\4", 30), (b"PK\1\2", 46), (b"PK\5\6", 22)][rng.integers(3)]
    places = [i for i in range(len(data)) if data.startswith(signature, i)]
    place = places[rng.integers(len(places))] + 2 * int(rng.integers(2, length // 2))
    value = [0, 1, 2**16 - 1, int(rng.integers(2**16))][rng.integers(4)]
    data[place : place + 2] = struct.pack("<H", value)
    return data


def overwrite_the_directory(data, rng):
    """Change any byte between the last member and the end."""
    start = data.rindex(b"PK\1\2", 0, data.index(b"PK\5\6"))
    data[rng.integers(start, len(data))] = rng.integers(256)
    return data


MUTATIONS = [
    flip_a_bit,
    truncate,
    swap_two_bytes,
    insert_bytes,
    remove_bytes,
    zero_a_block,
    overwrite_a_zip_field,
    overwrite_the_directory,
]


@MODES
@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: mutate.__name__)
def test_a_mutated_file_raises_the_documented_error_or_loads_the_same_model(mutate, mmap_mode, saved, tmp_path):
    model, data = saved
    rng = np.random.default_rng(MUTATIONS.index(mutate))
    errors = 0
    for number in range(ROUNDS):
        path = tmp_path / f"{number}.zip"  # a new one, because the last one may still be mapped
        path.write_bytes(bytes(mutate(bytearray(data), rng)))
        try:
            loaded = load_model(path, mmap_mode=mmap_mode)
        except ModelFileError as error:
            errors += 1
            assert f"{str(path)!r} cannot be loaded: " in str(error)
        else:
            assert_same_model(loaded, model)
    assert errors > ROUNDS / 10  # the mutation does something


@MODES
def test_a_flipped_bit_in_any_array_and_in_the_document_is_found(mmap_mode, saved, file):
    with file.open("rb") as opened:
        members = read_directory(opened, len(saved[1]))
    for name, member in members.items():
        data = bytearray(saved[1])
        data[member.offset + member.size - 3] ^= 4
        path = file.with_name(f"{name}.zip")
        path.write_bytes(bytes(data))
        with pytest.raises(ModelFileError, match=f"contents of '{name}' have changed since they were written"):
            load_model(path, mmap_mode=mmap_mode)


# Files that are no models.

OTHER_FILES = {
    "empty": (b"", "not a complete ZIP file"),
    "text": (b"a model" * 100, "not a complete ZIP file"),
    "end of a ZIP file": (b"PK\5\6" + bytes(18), "no member 'model.json'"),
    "huge directory": (b"PK\5\6" + bytes(8) + b"\xff" * 8 + bytes(2), "not a complete ZIP file"),
}


@MODES
@pytest.mark.parametrize("name", OTHER_FILES)
def test_other_files_are_refused(name, mmap_mode, tmp_path):
    data, message = OTHER_FILES[name]
    (tmp_path / "model.zip").write_bytes(data)
    with pytest.raises(ModelFileError, match=message):
        load_model(tmp_path / "model.zip", mmap_mode=mmap_mode)


def test_a_file_of_a_newer_version_says_so(file):
    def change(document, members):
        document["format"] = 2
        document["written_by"]["sklearn-recsketch"] = "7.1.0"

    forge(file, change)
    with pytest.raises(ModelFileError, match=r"sklearn-recsketch 7\.1\.0 wrote it in format 2,.*pip install --upgrade"):
        load_model(file)


# Members.


def zipped(path, members, **options):
    """Write a ZIP file with the standard library."""
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, data in members:
            archive.writestr(name, data)


def test_compressed_members_are_refused(file):
    zipped(file, contents(file).items(), compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ModelFileError, match="is compressed or encrypted"):
        load_model(file)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_repeated_members_are_refused(file):
    members = list(contents(file).items())
    zipped(file, [*members, members[0]])
    with pytest.raises(ModelFileError, match="it has two members named '000"):
        load_model(file)


@pytest.mark.parametrize("name", ["../evil.npy", "/etc/evil.npy", "arrays/evil.npy", "..", ".evil", "C:evil", "a\\b"])
def test_members_with_paths_are_refused(name, file):
    zipped(file, [*contents(file).items(), (name, b"")])
    with pytest.raises(ModelFileError, match="is not a plain file name"):
        load_model(file)


def test_members_that_the_document_does_not_name_are_refused(file):
    write(file, {"extra.npy": b"", **contents(file)})
    with pytest.raises(ModelFileError, match=r"the members of the file differ \(first: 'extra.npy'\)"):
        load_model(file)


def test_missing_members_are_refused(file):
    first = min(contents(file))
    forge(file, lambda document, members: members.pop(first))
    with pytest.raises(ModelFileError, match=f"the members of the file differ .first: '{first}'"):
        load_model(file)


def test_overlapping_members_are_refused(saved, file):
    """The directory says that all members start at the first one, as in a ZIP bomb."""
    data = bytearray(saved[1])
    place = 0
    while (place := data.find(b"PK\1\2", place + 1)) > 0:
        data[place + 42 : place + 46] = bytes(4)
    file.write_bytes(bytes(data))
    with pytest.raises(ModelFileError, match="overlaps another member"):
        load_model(file)


# Arrays with valid checksums.


def first_array(document):
    return document["arrays"][min(document["arrays"])]


def with_header(**changes):
    """Change the .npy header of the first array."""

    def change(document, members):
        name = min(members)
        header = {"descr": "<i8", "fortran_order": False, "shape": (3,)} | changes
        text = repr(header).encode().ljust(118) + b"\n"
        members[name] = b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + bytes(24)

    return change


ARRAYS = {
    "object dtype": (lambda d, m: first_array(d).update(dtype="|O"), r"has the dtype '\|O'"),
    "structured dtype": (lambda d, m: first_array(d).update(dtype="i4,i4"), "has the dtype 'i4,i4'"),
    "dtype that is no string": (lambda d, m: first_array(d).update(dtype=["<i8"]), "is damaged .TypeError"),
    "negative length": (lambda d, m: first_array(d).update(shape=[-1]), r"has the shape \[-1\]"),
    "length that is no number": (lambda d, m: first_array(d).update(shape=[True]), "has the shape"),
    "huge shape": (lambda d, m: first_array(d).update(shape=[2**62]), "does not have the size"),
    "huge empty shape": (lambda d, m: first_array(d).update(shape=[0, 2**62, 2**62]), "does not have|disagrees with"),
    "another order": (lambda d, m: first_array(d).update(order="K"), "the order 'K'"),
    "objects in the header": (with_header(descr="|O"), "disagrees with|does not have the size"),
    "code in the header": (with_header(descr="__import__('os')"), "header .* is damaged|does not have the size"),
    "another header": (with_header(shape=(4,)), "disagrees with|does not have the size"),
}


@MODES
@pytest.mark.parametrize("name", ARRAYS)
def test_forged_arrays_are_refused(name, mmap_mode, file):
    change, message = ARRAYS[name]
    forge(file, change)
    with pytest.raises(ModelFileError, match=message):
        load_model(file, mmap_mode=mmap_mode)


# Documents with valid checksums.


def state_of(document):
    return document["model"]["state"]


def put(node):
    """Replace an attribute of the model."""
    return lambda document, members: state_of(document).update(diverged_=node)


def change_matrix(part, array):
    """Replace the array of a part of the sparse matrix."""

    def change(document, members):
        name = state_of(document)["interactions_"][part]["member"]
        old = document["arrays"][name]
        members[name] = members[name][: -old["shape"][0] * 4] + array(old["shape"][0]).astype("<i4").tobytes()

    return change


DOCUMENTS = {
    "no model": (lambda d, m: d.pop("model"), "damaged .KeyError"),
    "no arrays": (lambda d, m: d.pop("arrays"), "damaged .KeyError"),
    "format 0": (lambda d, m: d.update(format=0), "unknown format 0"),
    "text as format": (lambda d, m: d.update(format="1"), "unknown format '1'"),
    "unknown kind": (put({"kind": "pickle", "data": "gASV"}), "unknown kind 'pickle'"),
    "no kind": (put({"value": 1}), "damaged .KeyError"),
    "a list": (put([1]), "damaged .TypeError"),
    "unknown shared object": (put({"kind": "same", "id": 10**9}), "damaged .KeyError"),
    "unknown class": (put({"kind": "estimator", "class": "os.system", "params": {}, "state": {}}), "os.system"),
    "class as a list": (put({"kind": "estimator", "class": [], "params": {}, "state": {}}), "damaged .TypeError"),
    "unknown parameter": (lambda d, m: d["model"]["params"].update(no_such=1), "damaged .TypeError.*no_such"),
    "unknown member": (put({"kind": "array", "member": "/etc/passwd"}), "damaged .KeyError"),
    "document as array": (put({"kind": "array", "member": DOCUMENT}), "damaged .KeyError"),
    "huge object array": (put({"kind": "objects", "shape": [10**12], "items": []}), "damaged .ValueError"),
    "huge scalar": (put({"kind": "numpy_scalar", "dtype": "<U99999999", "bytes": ""}), "has 0 bytes"),
    "scalar of objects": (put({"kind": "numpy_scalar", "dtype": "|O", "bytes": "00" * 8}), "not supported"),
    "huge sparse matrix": (lambda d, m: state_of(d)["interactions_"].update(shape=[10**12, 14]), "do not fit together"),
    "indices too large": (change_matrix("indices", lambda n: np.full(n, 14)), "out of range"),
    "negative indices": (change_matrix("indices", lambda n: np.full(n, -1)), "out of range"),
    "decreasing pointers": (change_matrix("indptr", lambda n: np.r_[0, 9, np.zeros(n - 2)]), "row pointers"),
    "pointers too large": (change_matrix("indptr", lambda n: np.arange(n) * 999), "row pointers"),
    "position of a random state": (
        lambda d, m: d["model"]["params"]["random_state"].update(position=10**6),
        "a random state is damaged",
    ),
}


@MODES
@pytest.mark.parametrize("name", DOCUMENTS)
def test_forged_documents_are_refused(name, mmap_mode, file):
    change, message = DOCUMENTS[name]
    forge(file, change)
    with pytest.raises(ModelFileError, match=message):
        load_model(file, mmap_mode=mmap_mode)


def test_a_document_that_was_edited_is_refused(file):
    forge(file, lambda document, members: document["model"]["params"].update(n_components=5), valid=False)
    with pytest.raises(ModelFileError, match=r"model\.json has changed since it was written: its SHA-256 differs"):
        load_model(file)


@pytest.mark.parametrize("text", [b"", b"[1]", b"{}", b"\xff", b'"model"', b"[" * 10**6, b"1" * 5000])
def test_documents_that_are_no_objects_are_refused(text, tmp_path):
    write(tmp_path / "model.zip", {DOCUMENT: text})
    with pytest.raises(ModelFileError, match=r"model\.json is not the description of a model"):
        load_model(tmp_path / "model.zip")


def test_a_forged_file_allocates_no_more_than_its_size(file):
    import tracemalloc

    for change in (ARRAYS["huge shape"][0], DOCUMENTS["huge sparse matrix"][0], DOCUMENTS["huge object array"][0]):
        forge(file, change)
        tracemalloc.start()
        with pytest.raises(ModelFileError):
            load_model(file)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 20 * file.stat().st_size


def test_the_document_can_be_read_without_this_package(file):
    document = json.loads(contents(file)[DOCUMENT])
    assert document["model"]["class"] == "sklearn_recsketch.WARPRecommender"
    name = document["model"]["state"]["items_"]["member"]
    with zipfile.ZipFile(file) as archive, archive.open(name) as member:
        assert np.load(member).shape == tuple(document["arrays"][name]["shape"])
