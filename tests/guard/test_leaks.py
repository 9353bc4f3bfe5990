"""Leaks: what is found, what is not, and that hostile text costs little time."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.guard import completeness, leaks
from app.vocabulary import PostStatus


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("at 10.1.2.3.", "network address"),
        ("at 100.64.1.1", "network address"),
        ("on fd00:12::1", "network address"),
        ("see db1.prod.internal for more", "host name"),
        ("AKIAIOSFODNN7EXAMPLE", "access key"),
        ("ghp_" + "a1" * 18, "GitHub token"),
        ("xoxb-1234567890-abc", "Slack token"),
        ("sk_" + "live_" + "a1b2c3d4e5f6", "payment key"),
        ("eyJhbGciOiJIUzI1.eyJzdWIiOiIx.c2ln", "signed token"),
        ("-----BEGIN RSA PRIVATE KEY-----", "private key"),
        ("Authorization: Bearer abcdefghijklmnop1234", "login token"),
        ("password=hunter2x", "password"),
        ("postgresql://candor:s3cret@db/x", "password in an address"),
        ("Traceback (most recent call last):", "stack trace"),
        ("  at com.acme.Main.run(Main.java:42)", "stack trace"),
        ("java.lang.NullPointerException", "stack trace"),
        ("in /home/lena/app.log", "file path"),
        (r"in C:\Users\lena", "file path"),
    ],
)
def test_each_kind_is_named(text: str, what: str) -> None:
    assert any(what in finding for finding in leaks.find(text))


@pytest.mark.parametrize(
    "text",
    [
        "", "API is slow since 12:30:45 UTC. Version 10.2 helps.", "See https://status.example.com/home/x and 8.8.8.8.",
        "Your password: we never ask for it.", "Local stores and the token service are down.", "Ratio 1:2, at 3.1.4.",
    ],
)  # fmt: skip
def test_plain_updates_pass(text: str) -> None:
    assert leaks.find(text) == ()


def test_taints_are_whole_words_in_any_case() -> None:
    assert leaks.find("As ops-12 says", ("OPS-12",)) == ("It names an internal record: OPS-12.",)
    assert leaks.find("OPS-123 and XOPS-12", ("OPS-12",)) == ()
    assert leaks.find("see https://jira.acme.example/browse/OPS-9.", ("https://jira.acme.example/browse/OPS-9",))
    assert leaks.find("anything", ("", "a")) == ()


def test_secrets_are_masked_and_findings_short() -> None:
    secret = "ghp_" + "s3cr3t" * 10
    (finding,) = leaks.find(f"use {secret} now")
    assert "s3cr3t" not in finding
    (path,) = leaks.find("/home/" + "x" * 190)
    assert len(path) < 60 + 50


HOSTILE = ["a", "1", ".", ":", "1.", "a.", "a:", "::", "/", "/home/",
           "eyJ", "eyJaaaaaaaa.", "password=", "a@", "-", " at ", "\\", "\n",
           "ж",
           "bearer ", "token: ", "a://b:", "com.", "aA", '  File "', "  at x("]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_text_costs_little(piece: str) -> None:
    began = time.process_time()
    leaks.find((piece * 10_000)[:10_000], ("OPS-1", "a a"))
    assert time.process_time() - began < 1.0


@given(st.text())
def test_any_text_and_taint_is_taken(text: str) -> None:
    assert all(finding.startswith("It ") for finding in leaks.find(text, (text,)))


def test_advice_is_gentle_and_rare() -> None:
    good = "Requests to the API fail for about a third of callers. We are rolling back the release of 12:05 UTC."
    assert completeness.find(good, PostStatus.IDENTIFIED) == ()
    assert len(completeness.find("We apologize for any inconvenience.", PostStatus.INVESTIGATING)) >= 3
    assert completeness.find("It is fixed.", PostStatus.RESOLVED) == ()
