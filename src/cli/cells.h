// How wide text is on a terminal, and how to cut it there. Refuses nothing: what cannot be shown
// is replaced, never passed on. Called by the renderers for every line that comes from outside.
#pragma once

#include <string>
#include <string_view>

namespace gbox::cli {

// One line of a program's output as text that only occupies cells: colour and cursor sequences
// are removed whole, what a carriage return overwrote is dropped, tabs become blanks, and the
// rest passes printable(). Marks that reorder text are made visible, so that a line reads as it
// is stored.
std::string clean_line(std::string_view line);

// Cells that `text` (clean) occupies: wide characters count two, combining ones none.
std::size_t cell_width(std::string_view text);

// At most `cells` cells of `text`; what does not fit ends in "…" (one cell).
std::string cut_to_cells(std::string_view text, std::size_t cells);

// `text` and blanks up to `cells`; text that is wider stays as it is.
std::string padded(std::string_view text, std::size_t cells);
// The same with the blanks before it.
std::string right_aligned(std::string_view text, std::size_t cells);

}  // namespace gbox::cli
