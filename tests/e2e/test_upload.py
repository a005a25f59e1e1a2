"""Files for a build from the page, in a real browser: a folder or an archive, dropped or chosen, builds."""

import base64
import tarfile
from io import BytesIO
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from builds.domain.access import Role
from builds.models import Build, UploadedContext
from builds.services.builds.contexts import chunks_of, store_context
from builds.services.builds.edit import BuildDraft, StepDraft, create_build
from tests.support.archives import tar_of
from tests.support.people import make_person
from tests.support.stack import sign_in
from tests.support.web import Web

pytestmark = pytest.mark.e2e
expect.set_options(timeout=20_000)  # the machine does other things too
LONG = "a-name-of-ninety-characters-" * 3 + "and/" + "another-one-" * 8 + "end.txt"
SAID = """() => {
    window.said = [];
    const place = document.querySelector("[data-upload-said]");
    new MutationObserver(() => window.said.push(place.textContent)).observe(place, { childList: true });
}"""
DROP = """([name, content]) => {
    const bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([bytes], name));
    const zone = document.querySelector("[data-upload]");
    for (const kind of ["dragenter", "dragover", "drop"])
        zone.dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
}"""


@pytest.fixture
def uploading(caller) -> Build:
    """A build whose Dockerfile is one of the files that are uploaded."""
    config = {"docker_file_type": "FILE_PATH", "docker_file_path": "Dockerfile"}
    draft = BuildDraft(image_name="files", tag_name="1", steps=(StepDraft("CREATE_IMAGE", config=config),))
    return create_build(caller=caller, draft=draft)


@pytest.fixture
def folder(tmp_path: Path, base_image: str) -> Path:
    """A folder with nested files, long names, names of other alphabets, an empty file and a .git."""
    files = {
        "Dockerfile": f"FROM {base_image}\nCOPY . /files\nRUN cd /files && find . | sort && cat src/inner/note.txt\n",
        "src/inner/note.txt": "the note within\n",
        "src/größe 日本.txt": "wide\n",
        LONG: "long\n",
        "src/empty.txt": "",
        ".git/config": "[core]\n",
    }
    for name, content in files.items():
        path = tmp_path / "app" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path / "app"


def packed_names(context: UploadedContext) -> dict[str, bytes]:
    """Return what is in a stored tar, as Python reads it: None stands for a folder."""
    found = {}
    with tarfile.open(fileobj=BytesIO(b"".join(chunks_of(context.pk)))) as archive:
        for member in archive:
            file = archive.extractfile(member)
            found[member.name] = file.read() if file else b"<folder>"
    return found


def throttle(page: Page, bytes_per_second: int):
    """Let the browser send slowly, and return what talks to it."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_per_second}
    devtools.send("Network.emulateNetworkConditions", slow)
    return devtools


def press_and_see_done(page: Page, *texts: str):
    page.click("main [data-action=BUILD]")
    page.wait_for_url("**/runs/*")
    for text in texts:
        expect(page.locator("[data-line]", has_text=text).first).to_be_visible(timeout=60_000)
    expect(page.locator("[data-run-state=DONE]").first).to_be_visible(timeout=60_000)


def test_a_chosen_folder_is_sent_with_its_progress_in_words_and_builds(workers, page, uploading, folder):
    (folder / "src/large.bin").write_bytes(bytes(3_000_000))
    page.goto(f"/builds/{uploading.pk}")
    page.evaluate(SAID)
    throttle(page, 1_500_000)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a folder").press("Enter")
    chooser.value.set_files(folder)
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    expect(page.locator("[data-upload-said]")).to_contain_text("Stored: the next runs use them.")
    expect(page.locator("[data-upload-said]")).to_contain_text("6 files, 2.9 MiB; .git is left out.")
    expect(page.locator("[data-upload-said]")).to_be_focused()
    said = page.evaluate("window.said")
    assert any("% sent: " in words and " of 2.9 MiB" in words for words in said), said
    expect(page.locator("[data-files-now]")).to_contain_text("Uploaded by operator")
    names = packed_names(UploadedContext.objects.get())
    assert names.pop("src/large.bin") == bytes(3_000_000)
    kept = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts}
    kept = {str(path.relative_to(folder)): content for path, content in kept.items()}
    assert names == {name: content for name, content in kept.items() if name != "src/large.bin"}
    press_and_see_done(page, "./src/inner/note.txt", "the note within", "größe 日本.txt", "end.txt")
    expect(page.locator("main [data-context]")).to_contain_text("6 files, by operator")


def test_a_dropped_folder_is_packed_with_its_empty_folders(page, uploading, folder):
    (folder / "empty/inner").mkdir(parents=True)
    page.goto(f"/builds/{uploading.pk}")
    box = page.locator("[data-upload]").bounding_box()
    devtools = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
    at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + 12, "data": data}
    devtools.send("Input.dispatchDragEvent", {"type": "dragEnter", **at})
    devtools.send("Input.dispatchDragEvent", {"type": "dragOver", **at})
    expect(page.get_by_text("Let go, and it is uploaded")).to_be_visible()
    devtools.send("Input.dispatchDragEvent", {"type": "drop", **at})
    expect(page.locator("[data-upload-said]")).to_contain_text(".git is left out. Stored")
    expect(page.get_by_text("Drop a folder or an archive here")).to_be_visible()
    names = packed_names(UploadedContext.objects.get())
    assert names["empty/inner"] == b"<folder>"
    assert names["src/inner/note.txt"] == b"the note within\n"
    assert not [name for name in names if ".git" in name]


def test_a_dropped_archive_is_sent_as_it_is_and_builds(workers, page, uploading, base_image):
    dockerfile = f"FROM {base_image}\nCOPY note.txt /\nRUN cat /note.txt\n".encode()
    archive = tar_of(mode="w:gz", Dockerfile=dockerfile, note__txt=b"out of the archive\n")
    page.goto(f"/builds/{uploading.pk}")
    page.evaluate(DROP, ["app.tar.gz", base64.b64encode(archive).decode()])
    expect(page.locator("[data-upload-said]")).to_contain_text("app.tar.gz")
    expect(page.locator("[data-files-now]")).to_contain_text("2 files")
    assert b"".join(chunks_of(UploadedContext.objects.get().pk)) == archive
    press_and_see_done(page, "out of the archive")


def test_a_cancelled_upload_leaves_nothing(page, uploading, folder):
    (folder / "large.bin").write_bytes(bytes(5_000_000))
    page.goto(f"/builds/{uploading.pk}")
    devtools = throttle(page, 100_000)
    page.locator("[data-folder]").set_input_files(folder)
    expect(page.locator("[data-upload-said]")).to_contain_text("% sent: ")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("[data-upload-said]")).to_have_text("Cancelled; nothing was stored.")
    devtools.detach()
    page.locator("[data-folder]").set_input_files(folder)  # the form is usable once more
    expect(page.locator("[data-upload-said]")).to_contain_text("Stored")
    assert UploadedContext.objects.get().file_count == 6


def test_what_the_server_refuses_is_told_at_the_form_and_an_empty_choice_too(page, uploading):
    page.goto(f"/builds/{uploading.pk}")
    page.evaluate(DROP, ["app.tar", base64.b64encode(tar_of(**{"../evil": b"x"})).decode()])
    expect(page.locator("[data-upload-error]")).to_contain_text("evil")
    page.evaluate("document.querySelector('[data-upload]').dataset.limit = '1000'")
    page.evaluate(DROP, ["app.tar", base64.b64encode(tar_of(note=b"x")).decode()])
    expect(page.locator("[data-upload-error]")).to_contain_text("BUILDHUB_CONTEXT_LIMIT_MB")
    assert not UploadedContext.objects.exists()


def test_much_is_asked_about_before_it_is_sent_and_the_web_process_does_not_hold_it(page, web, uploading, folder):
    with (folder / "large.bin").open("wb") as file:
        file.truncate(101 * 1024**2)
    page.goto(f"/builds/{uploading.pk}")
    page.locator("[data-folder]").set_input_files(folder)
    expect(page.locator("dialog[open]")).to_contain_text("6 files, 101.0 MiB.")
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(page.get_by_role("button", name="Choose a folder")).to_be_visible()
    page.locator("[data-folder]").set_input_files(folder)
    held = web.peak_memory_mib
    page.locator("dialog[open] [data-confirm]").click()
    expect(page.locator("[data-upload-said]")).to_contain_text("Stored", timeout=60_000)
    assert web.peak_memory_mib - held < 50
    assert UploadedContext.objects.get().file_count == 6


def test_without_scripts_an_archive_is_chosen_and_sent(browser: Browser, web: Web, caller, uploading):
    context = browser.new_context(base_url=web.url, java_script_enabled=False, viewport={"width": 390, "height": 800})
    page = context.new_page()
    sign_in(page)
    page.goto(f"/builds/{uploading.pk}")
    archive = {"name": "app.tar", "mimeType": "application/x-tar", "buffer": tar_of(Dockerfile=b"FROM x\n")}
    page.get_by_label("Archive").set_input_files(archive)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_text("is stored; the next runs use it")).to_be_visible()
    expect(page.locator("[data-files-now]")).to_contain_text("1 file,")
    context.close()


def test_who_looks_on_sees_what_was_uploaded_without_a_reload(browser: Browser, web: Web, caller, uploading):
    make_person("viewer", Role.VIEWER, uploading.account)
    context = browser.new_context(base_url=web.url)
    page = context.new_page()
    sign_in(page, "viewer")
    page.goto(f"/builds/{uploading.pk}")
    expect(page.locator("#files")).to_be_hidden()
    store_context(build_id=uploading.pk, caller=caller, file=BytesIO(tar_of(note=b"x")))
    expect(page.locator("#files")).to_contain_text("Uploaded by operator")
    expect(page.locator("#files form")).to_have_count(0)
    context.close()


def test_a_choice_of_a_press_stays_while_uploads_come(page, uploading, caller):
    first = store_context(build_id=uploading.pk, caller=caller, file=BytesIO(tar_of(note=b"x")))
    page.goto(f"/builds/{uploading.pk}")
    page.get_by_text("Build with parameters").click()
    page.locator("#contextSeq").select_option(str(first.pk))
    page.evaluate(DROP, ["app.tar", base64.b64encode(tar_of(note=b"other")).decode()])
    expect(page.locator("[data-upload-said]")).to_contain_text("Stored")
    page.evaluate(DROP, ["app.tar", base64.b64encode(tar_of(note=b"third")).decode()])  # what is stored is over
    expect(page.locator("#contextSeq option")).to_have_count(4)
    expect(page.locator("#contextSeq")).to_have_value(str(first.pk))
