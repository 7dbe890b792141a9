"""The check of where things stand: the names of static functions."""

import check_layers


def found(tmp_path, monkeypatch, **files):
    monkeypatch.setattr(check_layers, "ROOT", tmp_path)
    paths = [tmp_path / f"{name}.c" for name in files]
    for path, text in zip(paths, files.values(), strict=True):
        path.write_text(text, encoding="utf-8")
    return [text for _, text in check_layers.check_statics(paths)]


def test_a_bare_word_is_refused(tmp_path, monkeypatch):
    text = "static void end(int a) {}\nstatic void lane_end(int a) {}\n"
    assert found(tmp_path, monkeypatch, lane=text) == [
        "`end` does not say of what: name the noun"
    ]


def test_a_name_in_two_files_is_refused_unless_a_build_has_one_of_them(
    tmp_path, monkeypatch
):
    text = "static int size_of(void) { return 1; }\n"
    assert found(tmp_path, monkeypatch, ring=text, lane=text) == [
        "`size_of` is a function of ring.c, too"
    ]
    assert found(tmp_path, monkeypatch, os_posix=text, os_win=text) == []


def test_comments_and_variables_are_no_functions(tmp_path, monkeypatch):
    text = "/* static void end(int a) */\nstatic int end;\n"
    assert found(tmp_path, monkeypatch, lane=text) == []
