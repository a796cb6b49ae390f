// jsonlog (15 and later): one object a line (src/backend/utils/error/jsonlog.c). The keys that have
// no value are absent; a state code of 00000 is not written.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "pg/log_decoder.hpp"
#include "pg/sqlstate.hpp"

namespace pgkeel::pg {
namespace {

using Json = nlohmann::json;

// Objects of the server are flat; anything deeper than this is not the server's.
constexpr int kDepthMax = 4;

Json parse_object(std::string_view text) {
  const auto shallow = [](int depth, Json::parse_event_t, Json&) { return depth <= kDepthMax; };
  return Json::parse(text, shallow, false);
}

/// What was cut inside a string, made whole again as far as it goes.
std::string closed(std::string_view cut) {
  constexpr std::size_t kEscapeBytesMax = 6;  // \u0041
  const auto escape = cut.find_last_of('\\');
  if (escape != std::string_view::npos && cut.size() - escape < kEscapeBytesMax) {
    // An escaped backslash is two: cut before the first of them.
    cut = cut.substr(0, cut.find_last_not_of('\\', escape) + 1);
  }
  return std::string(cut) + "\"}";
}

// A database in SQL_ASCII may log bytes that are no UTF-8, and JSON must be.
std::string ascii_only(std::string_view text) {
  std::string out(text);
  std::ranges::replace_if(out, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  return out;
}

Json parse_forgiving(std::string text) {
  auto object = parse_object(text);
  if (object.is_discarded()) object = parse_object(ascii_only(text));
  return object;
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return {};
  return *found->get_ptr<const std::string*>();
}

pid_t pid_in(const Json& object) {
  const auto found = object.find("pid");
  if (found == object.end() || !found->is_number_unsigned()) return 0;
  return pid_of(std::to_string(*found->get_ptr<const Json::number_unsigned_t*>()));
}

LogLine to_line(const Json& object) {
  LogLine line;
  line.at = parse_log_time(text_of(object, "timestamp"));
  line.pid = pid_in(object);
  line.severity = severity_of(text_of(object, "error_severity"));
  if (auto state = text_of(object, "state_code"); is_sqlstate(state)) line.sqlstate = state;
  line.message = text_of(object, "message");
  line.detail = text_of(object, "detail");
  line.hint = text_of(object, "hint");
  line.context = text_of(object, "context");
  line.statement = text_of(object, "statement");
  line.user = text_of(object, "user");
  line.database = text_of(object, "dbname");
  line.application = text_of(object, "application_name");
  line.backend_type = text_of(object, "backend_type");
  return line;
}

class JsonDecoder final : public LogDecoder {
 protected:
  void take_line(std::string_view line, Whole whole, std::vector<LogLine>& out) override {
    if (line.empty()) return;
    const auto object = parse_forgiving(whole == Whole::Cut ? closed(line) : std::string(line));
    out.push_back(object.is_object() ? to_line(object) : unknown_line(line));
  }

  void flush(std::vector<LogLine>&) override {}
};

}  // namespace

std::unique_ptr<LogDecoder> make_json_decoder() { return std::make_unique<JsonDecoder>(); }

}  // namespace pgkeel::pg
