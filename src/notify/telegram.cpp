// A Telegram bot's sendMessage, as plain text: no markup that a table's name could break. The token
// is part of the URL, so no error and no log line ever holds the URL.
// https://core.telegram.org/bots/api#sendmessage
#include "notify/telegram.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "incident/text.hpp"
#include "notify/channel.hpp"

namespace pgkeel::notify {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kTelegram = "https://api.telegram.org";
constexpr std::string_view kCut = "...";

const Json& member(const Json& object, const char* key) {
  static const Json kNone;
  if (!object.is_object()) return kNone;
  const auto found = object.find(key);
  return found == object.end() ? kNone : *found;
}

std::optional<Millis> asked_patience(const Json& body) {
  const auto& seconds = member(member(body, "parameters"), "retry_after");
  if (!seconds.is_number_integer()) return std::nullopt;
  const auto most = std::chrono::duration_cast<Seconds>(kRetryAfterMax).count();
  return Seconds(std::clamp<std::int64_t>(seconds.get<std::int64_t>(), 0, most));
}

class Telegram final : public Channel {
 public:
  explicit Telegram(const ChannelOptions& options) : options_(options) {
    if (options_.api_url.empty()) options_.api_url = kTelegram;
    while (options_.api_url.ends_with('/')) options_.api_url.pop_back();
  }

  [[nodiscard]] Result<runtime::WebRequest> request(const Notice& notice, const Origin& origin,
                                                    WallTime now) const override {
    TRY(token, read_token(options_.token_file));
    const Json body = {
        {"chat_id", options_.chat_id},
        {"text", cut_utf16(incident::valid_utf8(text_of(notice, origin, now)), kTelegramTextMax)},
        {"disable_web_page_preview", true},
        {"disable_notification", notice.severity == incident::Severity::Info}};
    runtime::WebRequest request;
    request.method = "POST";
    request.url = fmt::format("{}/bot{}/sendMessage", options_.api_url, token);
    request.headers = {{"Content-Type", "application/json"}};
    request.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
    return request;
  }

  [[nodiscard]] Outcome judge(const runtime::WebAnswer& answer, WallTime now) const override {
    return judge_telegram(answer, now);
  }

 private:
  ChannelOptions options_;
};

}  // namespace

std::string cut_utf16(std::string_view utf8, std::size_t units) {
  const auto units_of = [](unsigned char lead) -> std::size_t {
    if ((lead & 0xc0U) == 0x80U) return 0;  // a continuation
    return lead >= 0xf0U ? 2 : 1;
  };
  std::size_t used = 0;
  std::size_t cut = 0;  // the last place where kCut still fits
  for (std::size_t at = 0; at < utf8.size(); ++at) {
    const auto more = units_of(static_cast<unsigned char>(utf8[at]));
    if (more > 0 && used + kCut.size() <= units) cut = at;
    used += more;
  }
  if (used <= units) return std::string(utf8);
  return std::string(utf8.substr(0, cut)) + std::string(kCut);
}

Outcome judge_telegram(const runtime::WebAnswer& answer, WallTime now) {
  const auto body = Json::parse(answer.body, nullptr, false);
  auto outcome = judge_http(answer, now);
  if (outcome.verdict == Verdict::Delivered) {
    if (member(body, "ok") == Json(true)) return outcome;
    // A proxy or a portal answered in Telegram's place.
    return {Verdict::TryLater, "the answer is not Telegram's: " + words_of(answer.body), {}};
  }
  const auto& description = member(body, "description");
  if (description.is_string())
    outcome.words = fmt::format("HTTP {}: {}", answer.status,
                                words_of(description.get_ref<const std::string&>()));
  if (const auto asked = asked_patience(body)) outcome.retry_after = asked;
  return outcome;
}

std::unique_ptr<Channel> make_telegram(const ChannelOptions& options) {
  return std::make_unique<Telegram>(options);
}

}  // namespace pgkeel::notify
