#include "cells.h"

#include <doctest/doctest.h>

using namespace gbox::cli;

TEST_CASE("a line of output keeps its text and loses what would drive the terminal") {
  CHECK(clean_line("\x1b[32;01m * \x1b[39;49;00mMerging") == " * Merging");
  CHECK(clean_line("\x1b]0;title\a>>> Emerging") == ">>> Emerging");
  CHECK(clean_line("\x1b]0;title\x1b\\x") == "x");
  CHECK(clean_line("\x1b(Bx\x1b"
                   "7y") == "xy");
  CHECK(clean_line("x\x1b") == "x?");
  CHECK(clean_line("x\x1b[12") == "x");
  CHECK(clean_line("a\x9b"
                   "31mb") == "a?31mb");
}

TEST_CASE("what a carriage return overwrote is not shown") {
  CHECK(clean_line("10 %\r50 %\r100 %\r") == "100 %");
  CHECK(clean_line("\r").empty());
}

TEST_CASE("tabs become blanks up to the next stop") {
  CHECK(clean_line("a\tb") == "a       b");
  CHECK(clean_line("12345678\tb") == "12345678        b");
}

TEST_CASE("marks that reorder text cannot disguise a line") {
  CHECK(clean_line("rm \xe2\x80\xae"
                   "txt.exe") == "rm ?txt.exe");
}

TEST_CASE("wide characters count two cells and combining ones none") {
  CHECK(cell_width("abc") == 3);
  CHECK(cell_width("中文") == 4);
  CHECK(cell_width("e\xcc\x81") == 1);
  CHECK(cell_width("■□…") == 3);
}

TEST_CASE("text is cut at cells, never inside a character, and says so") {
  CHECK(cut_to_cells("abcdef", 6) == "abcdef");
  CHECK(cut_to_cells("abcdef", 5) == "abcd…");
  CHECK(cut_to_cells("中文字", 5) == "中文…");
  CHECK(cut_to_cells("中文字", 4) == "中…");
  CHECK(cut_to_cells("中文", 4) == "中文");
  CHECK(cut_to_cells("ab", 1) == "…");
  CHECK(cut_to_cells("ab", 0).empty());
}

TEST_CASE("padding fills up and never cuts") {
  CHECK(padded("ab", 4) == "ab  ");
  CHECK(padded("中", 4) == "中  ");
  CHECK(padded("abcdef", 4) == "abcdef");
}
