"""An organisation with private values at every place where one was seen to leave the warehouse,
each found by its marker.

Each value begins with MARK, so that a search can skip what does not hold it in any spelling.
"""

from analytics_pipeline_tests.support.deliveries import HEADER, KEYS

MARK = "zqplanted"

KING, QUEEN = 917_001, 917_002
"""The person who is erased, and another one who stays."""

OF_KING = {
    "email": "zqplanted.king@example.org",
    "name": "Zqplanted Ingbert",
    "log text": "zqplanted-log-king",
    "tag": "zqplanted-tag-king",
    "email as LMS id": "zqplanted.lms-king@example.org",
    "unannounced column": "zqplanted-extra-king",
}
"""The erased person's values, by what they are."""

OF_OTHERS = {
    "email of the other person": "zqplanted.queen@example.org",
    "name of the other person": "Zqplanted Queenie",
    "log text of the other person": "zqplanted-log-queen",
    "tag of the other person": "zqplanted-tag-queen",
    "email as LMS id in a file without a header": "zqplanted.headless@example.org",
    "email in an unannounced column": "zqplanted.extra@example.org",
    "email in a damaged row": "zqplanted.damaged@example.org",
    "name in a damaged row": "Zqplanted Broken",
    "email as client key, shifted by a comma": "zqplanted.shifted@example.org",
    "name as client key, shifted by commas": "Zqplanted Shifted",
    "email as a role": "zqplanted.role@example.org",
    "email as a lab type": "zqplanted.labtype@example.org",
    "email as a cost": "zqplanted.cost@example.org",
    "email as a time": "zqplanted.time@example.org",
    "email as a way to create a course": "zqplanted.created@example.org",
    "email in the name of a course": "zqplanted.teacher@example.org",
    "email in the name of a part": "zqplanted.part@example.org",
    "email in the name of a rubric": "zqplanted.rubric@example.org",
}
"""Values of others, or of nobody in particular, by where they are delivered."""

AT = "Jan-09-2026 9:{:02}:00 am UTC"


def _session(
    user: int,
    email: str,
    log: str,
    tag: str,
    *,
    kind: str = "Cloud",
    part: str = "Part",
    end: str = "",
) -> str:
    cells = [
        user,
        email,
        4051,
        "CS 17",
        61,
        "Assignment",
        71,
        part,
        kind,
        AT.format(1),
        end or AT.format(31),
        30,
    ]
    return ", ".join(map(str, [*cells, log, tag, AT.format(0), AT.format(1), 1, 1, 0, 20]))


def _sessions() -> str:
    king, others = OF_KING, OF_OTHERS
    queen = others["email of the other person"]
    rows = [
        (
            _session(KING, king["email"], f'"START by {king["log text"]}"', king["tag"]),
            king["unannounced column"],
        ),
        (
            _session(QUEEN, queen, f"START for {king['email']}", f"with:{king['email'].upper()}"),
            king["email"],
        ),
        (
            _session(
                917_003,
                queen,
                others["log text of the other person"],
                others["tag of the other person"],
            ),
            others["email in an unannounced column"],
        ),
        (_session(917_004, "a@b.example", "", "", kind=others["email as a lab type"]), ""),
        (
            _session(
                917_005, "a@b.example", "", "", part=f"Ask {others['email in the name of a part']}"
            ),
            "",
        ),
        (
            _session(917_006, others["email in a damaged row"], "", "", end="never"),
            others["name in a damaged row"],
        ),
        (_session(917_007, "a@b.example", "", "", end=others["email as a time"]), ""),
    ]
    header = HEADER["lab_sessions"].strip() + ", Contact\n"
    return header + "".join(f"{row}, {extra}\n" for row, extra in rows)


def _enrollment() -> str:
    """Return the people of a course; a name with an unquoted comma shifts an email into
    client_key.
    """
    king, others = OF_KING, OF_OTHERS
    queen, name = others["email of the other person"], others["name of the other person"]
    return (
        HEADER["enrollment"]
        + f'{KING}, 4051, student, "{king["name"]}", {king["email"]}, k, {king["email as LMS id"]},'
        f" 0, 1, {AT.format(5)}\n"
        + f'{QUEEN}, 4051, student, "{name}", {queen}, k, q, 0, 1, {AT.format(5)}\n'
        + f"{KING}, 4051x, student, {king['name']}, {king['email']}, k, {king['email as LMS id']},"
        " 0, 1, \n" + "917003, 4051, student, Zq, Planted,"
        f" {others['email as client key, shifted by a comma']}, , 0, 1, \n"
        + f"917006, 4051, student, Zq, Mid, {others['name as client key, shifted by commas']},"
        " , 0, 1, \n"
        + f'917004, 4051, {others["email as a role"]}, "A", a@b.example, k, l, 0, 1, \n'
        + f'917005, none, student, "{others["name in a damaged row"]}",'
        f" {others['email in a damaged row']}, k, l, 0, 1, \n"
    )


def _courses() -> str:
    others = OF_OTHERS
    return (
        HEADER["course_mapping"]
        + '9001, "Example Org", 4051, "CS 17", New, \n'
        + f'9001, "Example Org", 4052, "CS by {others["email in the name of a course"]}", New,'
        " 4051\n"
        + f'9001, "Example Org", 4053, "CS 19", {others["email as a way to create a course"]},'
        " 4051\n"
    )


def _costs() -> str:
    king, others = OF_KING, OF_OTHERS
    return HEADER["aws_cost"] + "".join(
        f"12345678901{number}, {user}, {email}, 71, {part}, {cost}, 1767960000\n"
        for number, (user, email, part, cost) in enumerate(
            [
                (KING, king["email"], "Part", "1.25"),
                (
                    QUEEN,
                    others["email of the other person"],
                    f"Ask {others['email in the name of a part']}",
                    "250000",
                ),
                (917_003, others["email in a damaged row"], "Part", "N/A"),
                (917_004, "a@b.example", "Part", others["email as a cost"]),
            ]
        )
    )


def first_files() -> dict[str, bytes]:
    """Return files of which all but one load, and rows are rejected."""
    king, others = OF_KING, OF_OTHERS
    parts = "9001, 4051, 61, Assignment, 71, Part, , \n"
    score = '4051, "CS 17", 61, Assignment, 0, 10, {}, {}, 8, 0, 71, Part, 8, 9, "{}", 8, \n'
    rubric = others["email in the name of a rubric"]
    texts = {
        KEYS["lab_sessions"]: _sessions(),
        KEYS["aws_cost"]: _costs(),
        KEYS["course_mapping"]: _courses(),
        KEYS["asn_mapping"]: HEADER["asn_mapping"] + parts,
        KEYS["enrollment"]: _enrollment(),
        KEYS["grades"]: (
            HEADER["grades"] + score.format(KING, QUEEN, rubric) + score.format(QUEEN, KING, rubric)
        ),
        KEYS["service_spend"]: (
            HEADER["service_spend"]
            + f"123456789010, {KING}, {king['email']}, 4051, 71, EC2, 1.25\n"
        ),
        KEYS["azure_cost"]: (
            HEADER["azure_cost"] + f"{KING}, {king['email']}, 71, Part, 1, 2026, 3.5\n"
        ),
    }
    return {f"org9001/{key}": text.encode() for key, text in texts.items()}


def files_without_header() -> dict[str, bytes]:
    """Return a file that fails as a whole: its first row stands where the header should be, and
    names the email twice.
    """
    email, king = OF_OTHERS["email as LMS id in a file without a header"], OF_KING
    row = '{}, 4053, student, "{}", {}, k, {}, 0.0, 1.0, Jan-09-2026 9:00:00 am UTC\n'
    body = row.format(917_008, "A", email, email) + row.format(
        KING, king["name"], king["email"], king["email"]
    )
    return {"org9001/enrollment/course4053/enrollment.csv": body.encode()}
