// See sql_variants.hpp.
#include "integration/gateway/sql_variants.hpp"

#include <cctype>

namespace pgkeel::test {
namespace {

constexpr std::string_view kBlanks[] = {
    " ", " ", "\n", "\t ", " /* ; listen */ ", "/* ' /* \" */ $$ */", " --'x\n", "--;\r", " \f"};
constexpr std::string_view kSeparators[] = {";", " ; ", ";;", ";--x\n", "\n;/*;*/"};

// Every byte as an escape.
std::string escaped(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (const char c : text)
    out += {'\\', 'x', kHex[static_cast<unsigned char>(c) / 16],
            kHex[static_cast<unsigned char>(c) % 16]};
  return out;
}

bool is_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

}  // namespace

std::string SqlVariants::pick_blank() {
  std::string blank(kBlanks[below(std::size(kBlanks))]);
  // A comment may touch nothing that would make an operator of it.
  return blank[0] == '-' || blank[0] == '/' ? " " + blank : blank;
}

std::string SqlVariants::pick_separator() {
  return std::string(kSeparators[below(std::size(kSeparators))]);
}

std::string SqlVariants::pick_name(std::string_view name) {
  std::string out = below(2) == 0 ? "pg_catalog." : "";
  if (below(3) == 0) return out + '"' + std::string(name) + '"';
  for (const char c : name)
    out += below(2) == 0 ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
  return out;
}

std::string SqlVariants::pick_literal(std::string_view value) {
  const std::string text(value);
  const auto half = text.size() / 2;
  switch (below(9)) {
    case 0: return "E'" + text + "'";
    case 1: return "$$" + text + "$$";
    case 2: return "$q$" + text + "$q$";
    case 3: return "U&'" + text + "'";
    case 4: return "'" + text.substr(0, half) + "'\n'" + text.substr(half) + "'";
    case 5: return "E'" + escaped(text) + "'";
    default: return "'" + text + "'";
  }
}

std::string SqlVariants::spell(std::string_view shape) {
  std::string out;
  for (std::size_t at = 0; at < shape.size(); ++at) {
    const char c = shape[at];
    if (c == '@' || c == '#') {
      auto end = at + 1;
      while (end < shape.size() && (c == '@' ? is_name(shape[end]) : shape[end] != '#')) ++end;
      const auto inner = shape.substr(at + 1, end - at - 1);
      out += c == '@' ? pick_name(inner) : pick_literal(inner);
      at = c == '@' ? end - 1 : end;
    } else if (c == ' ') {
      out += pick_blank();
    } else {
      out += below(2) == 0 ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    }
  }
  return out;
}

std::string SqlVariants::around(const std::string& sql) {
  switch (below(8)) {
    case 0: return "begin;" + sql + ";commit";
    case 1: return "BEGIN;" + sql + ";rollback;";
    case 2: return sql + "; begin; savepoint a; " + sql + "; rollback to a; commit";
    case 3: return sql + pick_separator();
    default: return sql;
  }
}

}  // namespace pgkeel::test
