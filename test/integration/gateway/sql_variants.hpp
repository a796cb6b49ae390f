// Ways to say the same thing in SQL: case, white space, comments, quoting, kinds of literals,
// several statements in one text. Seeded, so that a failure is repeated.
#pragma once

#include <random>
#include <string>
#include <string_view>

namespace pgkeel::test {

class SqlVariants {
 public:
  explicit SqlVariants(std::uint32_t seed) : random_(seed) {}

  /// `shape` is SQL in which a blank is any white space or comment, @name a function or relation of
  /// pg_catalog, #text# a literal, and anything else itself.
  [[nodiscard]] std::string spell(std::string_view shape);
  /// A text of one to three of the shapes, at times within a transaction.
  template <class Shapes>
  [[nodiscard]] std::string text(const Shapes& shapes) {
    const auto pick = [&] { return spell(shapes[below(std::size(shapes))]); };
    std::string sql = pick();
    for (auto more = below(5); more > 2; --more) sql += pick_separator() + pick();
    return around(sql);
  }
  [[nodiscard]] std::size_t below(std::size_t limit) { return random_() % limit; }

 private:
  [[nodiscard]] std::string pick_blank();
  [[nodiscard]] std::string pick_separator();
  [[nodiscard]] std::string pick_name(std::string_view name);
  [[nodiscard]] std::string pick_literal(std::string_view value);
  [[nodiscard]] std::string around(const std::string& sql);

  std::mt19937 random_;
};

}  // namespace pgkeel::test
