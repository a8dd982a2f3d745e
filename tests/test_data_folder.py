"""A folder of images: a fixed order, a central square, antialiased; and files that cannot be read are named."""

import inspect

import numpy as np
import pytest
import torch
from PIL import Image
from torch.testing import assert_close

from course_gan.data import image_folder
from course_gan.data.folder import find_images, read_image


def save(path, color=(10, 20, 30), size=(8, 8), mode="RGB", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, color).save(path, **options)


@pytest.fixture
def folder(tmp_path):
    """Three classes, nested, with files that are no images among them."""
    save(tmp_path / "cats" / "b.png", (10, 0, 0))
    save(tmp_path / "cats" / "a.JPG", (20, 20, 20))
    save(tmp_path / "dogs" / "deep" / "c.webp", (30, 30, 30), lossless=True)
    save(tmp_path / "ants" / "d.jpeg", (40, 40, 40))
    (tmp_path / "dogs" / "notes.txt").write_text("x", encoding="utf-8")
    save(tmp_path / ".cache" / "hidden.png")
    save(tmp_path / "cats" / ".hidden.png")
    return tmp_path


def test_files_come_in_the_order_of_their_names_whatever_the_file_system_says(folder, monkeypatch):
    found = image_folder(folder, 4)
    names = [file.relative_to(folder).as_posix() for file in found.files]
    assert names == ["ants/d.jpeg", "cats/a.JPG", "cats/b.png", "dogs/deep/c.webp"]
    assert_close(found.images[:, 0, 0, 0].float(), torch.tensor([40.0, 20.0, 10.0, 30.0]), rtol=0, atol=2)
    assert found.images.shape == (4, 3, 4, 4)
    assert found.images.dtype == torch.uint8
    assert found.labels.tolist() == [0, 0, 0, 0]
    assert found.classes == found.skipped == ()
    import pathlib

    listed = pathlib.Path.rglob
    monkeypatch.setattr(pathlib.Path, "rglob", lambda self, pattern: reversed(list(listed(self, pattern))))
    assert image_folder(str(folder), 4).files == found.files


def test_the_class_is_the_folder_right_below(folder):
    found = image_folder(folder, 4, classes=True)
    assert found.classes == ("ants", "cats", "dogs")
    assert found.labels.tolist() == [0, 1, 1, 2]
    assert found.labels.dtype == torch.int64


def test_a_file_without_a_class_is_an_error(folder):
    save(folder / "loose.png")
    with pytest.raises(ValueError, match=r"1 images lie in .* such as loose\.png"):
        image_folder(folder, 4, classes=True)


def test_folders_within_are_left_out_if_asked(folder):
    save(folder / "top.png")
    assert [file.name for file in image_folder(folder, 4, recursive=False).files] == ["top.png"]
    assert len(find_images(folder)) == 5


@pytest.mark.parametrize("size", [(40, 20), (20, 40), (21, 40)])
def test_the_central_square_is_taken_not_the_whole_squeezed(tmp_path, size):
    width, height = size
    pixels = np.zeros((height, width, 3), np.uint8)
    side = min(size)
    top, left = (height - side) // 2, (width - side) // 2
    pixels[top : top + side, left : left + side] = 200
    Image.fromarray(pixels).save(tmp_path / "x.png")
    image = read_image(tmp_path / "x.png", 10)
    assert image.shape == (3, 10, 10)
    assert (image == 200).all()


def test_rows_are_rows_and_colors_are_red_green_blue(tmp_path):
    pixels = np.zeros((6, 6, 3), np.uint8)
    pixels[0, 5] = [250, 100, 50]
    Image.fromarray(pixels).save(tmp_path / "x.png")
    image = read_image(tmp_path / "x.png", 6)
    assert image[:, 0, 5].tolist() == [250, 100, 50]
    assert image.sum() == 400
    assert read_image(tmp_path / "x.png", 6, 1).shape == (1, 6, 6)


def test_trap_resize_without_antialias(tmp_path):
    """Stripes of one pixel become even gray; taking every fourth pixel keeps one of the two colors."""
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:, ::2] = 200
    Image.fromarray(pixels).save(tmp_path / "x.png")
    wrong = torch.nn.functional.interpolate(torch.from_numpy(pixels).permute(2, 0, 1)[None].float(), size=16)
    assert set(wrong.unique().tolist()) in ({0.0}, {200.0})
    ours = read_image(tmp_path / "x.png", 16)
    assert_close(ours[:, :, 2:-2].float(), torch.full((3, 16, 12), 100.0), rtol=0, atol=3)


def test_resizing_is_that_of_torchvision_with_antialias(tmp_path):
    pixels = torch.randint(256, (3, 48, 48), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(tmp_path / "x.png")
    from torchvision.transforms.v2 import InterpolationMode
    from torchvision.transforms.v2.functional import resize

    theirs = resize(pixels, [16, 16], interpolation=InterpolationMode.BICUBIC, antialias=True)
    assert_close(read_image(tmp_path / "x.png", 16).float(), theirs.float(), rtol=0, atol=1)


def test_photographs_are_turned_upright(tmp_path):
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[0] = 255  # the first row
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side
    Image.fromarray(pixels).save(tmp_path / "x.png", exif=exif)
    image = read_image(tmp_path / "x.png", 8)
    assert (image[:, :, -1] == 255).all()
    assert (image[:, :, 0] == 0).all()


def test_what_is_transparent_is_white(tmp_path):
    save(tmp_path / "a.png", (0, 0, 0, 0), mode="RGBA")
    save(tmp_path / "b.png", (100, 0), mode="LA")
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([10, 20, 30])
    palette.save(tmp_path / "c.png", transparency=0)
    for channels in (1, 3):
        assert (image_folder(tmp_path, 8, channels=channels).images == 255).all()


def test_sixteen_bits_are_scaled_not_cut_off(tmp_path):
    values = np.array([[0, 257, 25700, 65535]] * 4, np.uint16)
    Image.fromarray(values).save(tmp_path / "x.png")
    assert read_image(tmp_path / "x.png", 4, 1)[0, 0].tolist() == [0, 1, 100, 255]
    assert read_image(tmp_path / "x.png", 4, 3)[2, 0].tolist() == [0, 1, 100, 255]


def test_sixteen_bits_are_rounded_not_cut_off(tmp_path):
    """257 steps to one gray value: cut off, an image is half a gray value darker than it was."""
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    Image.fromarray(values).save(tmp_path / "x.png")
    gray = read_image(tmp_path / "x.png", 256, 1)[0].numpy()
    assert (gray == np.rint(values / 257)).all()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK"])
def test_every_mode_is_read(tmp_path, mode):
    ending = "jpg" if mode == "CMYK" else "png"
    Image.new("RGB", (8, 8), (255, 255, 255)).convert(mode).save(tmp_path / f"x.{ending}")
    assert (image_folder(tmp_path, 4).images >= 250).all()


def test_damaged_files_are_all_named_in_one_error(folder):
    (folder / "cats" / "broken.png").write_bytes(b"no image")
    whole = (folder / "ants" / "d.jpeg").read_bytes()
    (folder / "cats" / "cut.jpeg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="2 of the 6 images") as caught:
        image_folder(folder, 4)
    assert "cats/broken.png (" in str(caught.value)
    assert "cats/cut.jpeg (" in str(caught.value)
    assert "skip_damaged=True" in str(caught.value)


def test_damaged_files_are_skipped_if_asked_and_the_rest_keeps_files_and_labels(folder):
    (folder / "cats" / "aa.png").write_bytes(b"no image")
    found = image_folder(folder, 4, skip_damaged=True, classes=True)
    assert len(found.skipped) == 1
    assert found.skipped[0].startswith("cats/aa.png (")
    assert found.labels.tolist() == [0, 1, 1, 2]
    assert [file.name for file in found.files] == ["d.jpeg", "a.JPG", "b.png", "c.webp"]
    assert len(found.images) == 4
    assert_close(found.images[:, 0, 0, 0].float(), torch.tensor([40.0, 20.0, 10.0, 30.0]), rtol=0, atol=2)


def test_nothing_but_damaged_files_is_an_error_even_if_they_may_be_skipped(tmp_path):
    for k in range(25):
        (tmp_path / f"{k:02}.png").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"25 of the 25 images.*\n(.*\n)+ *and 5 more"):
        image_folder(tmp_path, 4, skip_damaged=True)


def test_too_many_images_are_refused_before_any_is_read(folder, monkeypatch):
    monkeypatch.setattr("course_gan.data.folder.read_image", lambda *a: pytest.fail("read"))
    with pytest.raises(ValueError, match=r"4 images of 3×1024×1024 take 0\.0 GB; wanted at most 0\.01 GB"):
        image_folder(folder, 1024, gigabytes=0.01)


def test_a_folder_that_is_missing_or_empty_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        image_folder(tmp_path / "none", 4)
    with pytest.raises(FileNotFoundError, match=r"no image \(.png, .jpg, .jpeg, .webp\)"):
        image_folder(tmp_path, 4)
    save(tmp_path / "in" / "x.png")
    with pytest.raises(FileNotFoundError, match="recursive=True"):
        image_folder(tmp_path, 4, recursive=False)


def test_sizes_and_channels_that_make_no_sense_are_refused(folder):
    with pytest.raises(ValueError, match="size is 0"):
        image_folder(folder, 0)
    with pytest.raises(ValueError, match="channels is 4; wanted 3 for color or 1 for gray"):
        inspect.unwrap(image_folder)(folder, 4, channels=4)
