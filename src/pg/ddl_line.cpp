// See ddl_line.hpp.
#include "pg/ddl_line.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace pgkeel::pg {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kBegins = "pgkeel-ddl 1 {";
constexpr int kDepthMax = 3;
constexpr std::size_t kShown = 3;

// A database in another encoding logs bytes that are no UTF-8, and JSON must be.
std::string ascii_only(std::string_view text) {
  std::string out(text);
  std::ranges::replace_if(out, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  return out;
}

Json parse_object(std::string_view text) {
  const auto shallow = [](int depth, Json::parse_event_t, Json&) { return depth <= kDepthMax; };
  auto object = Json::parse(text, shallow, false);
  if (object.is_discarded()) object = Json::parse(ascii_only(text), shallow, false);
  return object;
}

// It is shown on terminals and written into reports.
std::string plain(std::string text) {
  if (text.size() > kDdlTextMax) {
    auto end = kDdlTextMax;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    text.resize(end);  // not within a character
  }
  const auto is_control = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  };
  std::ranges::replace_if(text, is_control, ' ');
  return text;
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return {};
  return plain(*found->get_ptr<const std::string*>());
}

std::int64_t number_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_unsigned()) return 0;
  const auto number = *found->get_ptr<const std::uint64_t*>();
  return number > std::numeric_limits<std::int32_t>::max() ? 0 : static_cast<std::int64_t>(number);
}

std::vector<std::string> objects_of(const Json& object) {
  std::vector<std::string> objects;
  const auto found = object.find("objects");
  if (found == object.end() || !found->is_array()) return objects;
  for (const auto& one : *found)
    if (one.is_string() && objects.size() < kDdlObjectsMax)
      objects.push_back(plain(*one.get_ptr<const std::string*>()));
  return objects;
}

}  // namespace

bool DdlLine::is_drop() const {
  return tag.starts_with("DROP") || std::ranges::any_of(objects, [](const auto& object) {
           return object.contains(" column ");
         });
}

std::optional<DdlLine> parse_ddl_line(std::string_view message) {
  if (!message.starts_with(kBegins) || message.size() > kDdlLineMax) return std::nullopt;
  const auto object = parse_object(message.substr(kBegins.size() - 1));
  if (!object.is_object()) return std::nullopt;
  const auto at = parse_iso8601(text_of(object, "at"));
  DdlLine line;
  line.tag = text_of(object, "tag");
  line.database = text_of(object, "db");
  if (!at || line.tag.empty() || line.database.empty()) return std::nullopt;
  line.at = *at;
  line.pid = static_cast<pid_t>(number_of(object, "pid"));
  line.role = text_of(object, "role");
  line.login = text_of(object, "login");
  line.application = text_of(object, "app");
  line.address = text_of(object, "addr");
  line.outcome = text_of(object, "outcome");
  line.objects = objects_of(object);
  line.count = std::max(number_of(object, "count"), static_cast<std::int64_t>(line.objects.size()));
  return line;
}

bool removed(const DdlLine& line, std::string_view subject) {
  if (!line.is_drop() || line.refused()) return false;
  return std::ranges::any_of(line.objects, [&](const std::string& object) {
    if (!object.starts_with("table ") && !object.starts_with("schema ")) return false;
    auto called = line.database + "." + object.substr(object.find(' ') + 1);
    std::erase(called, '"');  // the server quotes names as SQL needs it, subjects are not
    return called == subject;
  });
}

std::string describe(const DdlLine& line) {
  std::string text = line.tag;
  for (std::size_t i = 0; i < std::min(line.objects.size(), kShown); ++i)
    text += (i == 0 ? " " : ", ") + line.objects[i];
  const auto shown = static_cast<std::int64_t>(std::min(line.objects.size(), kShown));
  if (line.count > shown && shown > 0) text += fmt::format(" and {} more", line.count - shown);
  text += line.role.empty() ? " by somebody" : " by role " + line.role;
  if (line.login != line.role && !line.login.empty()) text += ", logged in as " + line.login + ",";
  text += line.application.empty() ? " (" : fmt::format(" (application {}, ", line.application);
  text += line.address.empty() ? "over the Unix socket)" : "from " + line.address + ")";
  if (line.outcome != "done" && !line.outcome.empty()) text += ", " + line.outcome;
  return text;
}

}  // namespace pgkeel::pg
