// See damaged.hpp.
#include "sense/damaged.hpp"

#include <array>

namespace pgkeel::sense {
namespace {

// "pg_toast_27282": the message names no file.
std::string toast_table(std::string_view message) {
  const auto at = message.find("pg_toast_");
  if (at == std::string_view::npos) return {};
  const auto rest = message.substr(at);
  return std::string(rest.substr(0, rest.find_first_not_of("pgtoas_0123456789")));
}

}  // namespace

std::string named_file(std::string_view message) {
  constexpr auto kRoots = std::to_array<std::string_view>(
      {"base/", "global/", "pg_tblspc/", "pg_xact/", "pg_multixact/", "pg_subtrans/"});
  for (const auto root : kRoots) {
    const auto at = message.find(root);
    if (at == std::string_view::npos) continue;
    const auto rest = message.substr(at);
    return std::string(rest.substr(0, rest.find_first_not_of("abcdefghijklmnopqrstuvwxyz"
                                                             "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                             "0123456789_/.")));
  }
  return {};
}

std::string quoted_name(std::string_view message) {
  const auto begin = message.find('"');
  if (begin == std::string_view::npos) return {};
  const auto end = message.find('"', begin + 1);
  if (end == std::string_view::npos) return {};
  return std::string(message.substr(begin + 1, end - begin - 1));
}

std::string damaged_object(const LogEvent& event) {
  using enum pg::Signature;
  switch (event.signature) {
    case IndexCorrupt: return quoted_name(event.text);
    case PageCorrupt:
    case ToastMissing:
    case TransactionStatusMissing:
    case DatabaseFilesMissing:
    case RelationFileMissing: {
      auto file = named_file(event.text);
      return file.empty() ? toast_table(event.text) : file;
    }
    default: return {};
  }
}

}  // namespace pgkeel::sense
