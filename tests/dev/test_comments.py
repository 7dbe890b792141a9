"""The check of comments: what it finds if a formatter has damaged one."""

import check_comments
import pytest

BANNER = "/* ---- parking " + "-" * 69 + " */"
SOUND = f"""/* Sound: nothing is wrong here.
 *
 *   one       two        three
 *   further   columns    end
 *
 * Threads: any.
 * Invariants:
 *   1. The first.
 *   2. The second, which needs two lines because it is so long that one of them is
 *      not enough.
 * Ordering:
 *   [R1] a store; [A1] a load.
 *   [R2] another; [A2] its load.
 */
#include "sound.h"

{BANNER}

int sound; /* short */
"""


def test_nothing_is_wrong_with_a_sound_file():
    assert len(BANNER) == check_comments.WIDTH
    assert list(check_comments.check(SOUND)) == []


DAMAGED = {
    "a line that is too long": ("int sound;", "int " + "s" * 85 + ";", "88 columns"),
    "a banner over two lines": (
        BANNER,
        "/* ---- parking\n * " + "-" * 70 + " */",
        "over several lines",
    ),
    "a banner of another width": (BANNER, BANNER.replace("---- */", "- */"), "banner"),
    "titles in one line": (
        "any.\n * Invariants:",
        "any. Invariants:",
        "run together",
    ),
    "two invariants in one line": (
        "The first.\n *   2. ",
        "The first. 2. ",
        "two invariants",
    ),
    "two pairs in one line": (
        "a load.\n *   [R2]",
        "a load. [R2]",
        "does not begin its line",
    ),
    "a pair behind its title": (
        "Ordering:\n *   [R1]",
        "Ordering: [R1]",
        "does not begin its line",
    ),
    "a table that was wrapped": (
        "columns    end",
        "columns    and\n * end",
        "wrapped",
    ),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_damage_is_found(damage):
    old, new, message = DAMAGED[damage]
    assert SOUND.count(old) == 1
    problems = [text for _, text in check_comments.check(SOUND.replace(old, new))]
    assert any(message in problem for problem in problems), problems


def test_a_sound_file_is_left_as_it_is():
    assert check_comments.mend(SOUND) == SOUND


def test_long_lines_and_banners_are_mended():
    damaged = SOUND.replace(BANNER, BANNER.replace("-- */", "----- */"))
    damaged = damaged.replace("Threads: any.", "Threads: any. " + "word " * 20)
    damaged = damaged.replace("a load.", "a load " + "of many words " * 6 + "end.")
    damaged += "\n/* " + "short words " * 9 + "*/\n"
    mended = check_comments.mend(damaged)
    assert list(check_comments.check(mended)) == []
    assert mended.split() != damaged.split()
    words = [word for word in damaged.split() if word.strip("*-/")]
    assert [word for word in mended.split() if word.strip("*-/")] == words


def test_the_tree_has_no_damage():
    assert check_comments.main() == 0
