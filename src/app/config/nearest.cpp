// Edit distance with transpositions (optimal string alignment), over texts short enough that the
// quadratic table does not matter.
#include "app/config/nearest.hpp"

#include <algorithm>
#include <cctype>

namespace pgkeel::app {
namespace {

// Nobody mistypes a name this long; more is refused before any work is done.
constexpr std::size_t kNameBytesMax = 128;

std::string folded(std::string_view name) {
  std::string text;
  for (const char c : name) {
    text += c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return text;
}

std::string_view last_part(std::string_view key) {
  const auto dot = key.rfind('.');
  return dot == std::string_view::npos ? key : key.substr(dot + 1);
}

// Two letters may be wrong, three in a long name; with more it is another word.
std::size_t tolerance(std::string_view name) { return name.size() < 9 ? 2 : 3; }

// The same name in another section costs one; only a nearly right name is looked for there.
std::size_t cost(std::string_view wanted, std::string_view known) {
  const auto whole = edit_distance(wanted, known);
  const auto part = last_part(wanted);
  const auto elsewhere = edit_distance(part, last_part(known));
  const bool tells = part.size() >= 4 && elsewhere <= std::max<std::size_t>(1, part.size() / 5);
  return tells ? std::min(whole, elsewhere + 1) : whole;
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

std::optional<std::string> nearest_name(std::string_view mistyped,
                                        const std::vector<std::string>& known) {
  if (mistyped.size() > kNameBytesMax) return std::nullopt;
  const auto wanted = folded(mistyped);
  const std::string* best = nullptr;
  std::size_t best_cost = tolerance(wanted) + 1;
  for (const auto& name : known) {
    const auto this_cost = cost(wanted, name);
    if (this_cost >= best_cost) continue;
    best_cost = this_cost;
    best = &name;
  }
  return best == nullptr ? std::nullopt : std::optional(*best);
}

}  // namespace pgkeel::app
