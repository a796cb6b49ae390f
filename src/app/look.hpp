// How text may look where it goes: colours only on a terminal that has them and where nobody said
// NO_COLOR, lines no longer than the terminal is wide.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pgkeel::app {

enum class Tone { Plain, Good, Bad, Warn, Dim, Strong };

struct Look {
  bool colour = false;
  int width = 80;
  bool terminal = false;

  /// The text in its tone, or plain where colours are off.
  [[nodiscard]] std::string paint(Tone tone, std::string_view text) const;
  /// Of the descriptor: a terminal's own width, else 80; no colours when it is no terminal, when
  /// NO_COLOR is set or when the caller refuses them.
  static Look of(int descriptor, bool refuse_colour);
};

inline constexpr int kWidthMin = 40;

/// Columns a text takes: UTF-8 characters counted, colour sequences not.
[[nodiscard]] std::size_t columns_of(std::string_view text);
/// Cut to that many columns, with "…" for what is gone.
[[nodiscard]] std::string cut(std::string_view text, std::size_t columns);
/// Words wrapped to `width`, following lines indented by `indent` spaces; ends with a newline.
[[nodiscard]] std::string wrap(std::string_view text, std::size_t width, std::size_t indent);
/// Control characters made visible, so that no text from outside can drive the terminal.
[[nodiscard]] std::string printable(std::string_view text);

/// Rows of equal length as aligned columns, two spaces apart; the last column is cut to the width.
[[nodiscard]] std::string columns(const std::vector<std::vector<std::string>>& rows, int width);

}  // namespace pgkeel::app
