// See email.hpp. libcurl hands the message over; TLS is its business (runtime/web_client.hpp).
#include "notify/email.hpp"

#include <algorithm>
#include <array>
#include <ctime>

#include <fmt/format.h>

#include "incident/text.hpp"
#include "notify/channel.hpp"

namespace pgkeel::notify {
namespace {

constexpr std::size_t kAddressBytesMax = 254;  // RFC 5321, 4.5.3.1.3
constexpr std::size_t kLineColumns = 200;      // well below the 998 bytes a line may have
constexpr std::size_t kSubjectBytesMax = 200;
constexpr int kOk = 200;
constexpr int kNotOk = 300;
constexpr int kRefusedFirst = 550;
constexpr int kRefusedLast = 554;

// A header is ASCII; what is not becomes "?", the body has it whole.
std::string header_text(std::string_view text) {
  std::string line;
  for (const char c : incident::one_line(text)) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xc0U) == 0x80U) continue;  // the rest of a character
    line += byte < 0x7f ? c : '?';
    if (line.size() == kSubjectBytesMax) break;
  }
  return line;
}

std::string mail_date(WallTime time) {
  const auto seconds = std::chrono::duration_cast<Seconds>(time.time_since_epoch()).count();
  const std::time_t when = seconds;
  std::tm parts{};
  ::gmtime_r(&when, &parts);
  std::array<char, 64> text{};
  const auto length =
      std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S +0000", &parts);
  return {text.data(), length};
}

// Letters, digits, dots and dashes of a name, for a Message-ID.
std::string id_text(std::string_view text) {
  std::string id;
  for (const char c : text) {
    const bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '-';
    id += fits ? c : '-';
  }
  return id.empty() ? "none" : id;
}

std::string body_lines(std::string_view text) {
  std::string body;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    for (const auto& line : incident::wrap(incident::one_line(text.substr(0, end)), kLineColumns))
      body += line + "\r\n";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return body;
}

class Email final : public Channel {
 public:
  explicit Email(const ChannelOptions& options) : options_(options) {}

  [[nodiscard]] Result<runtime::WebRequest> request(const Notice& notice, const Origin& origin,
                                                    WallTime now) const override {
    runtime::WebRequest request;
    request.method = "MAIL";
    request.url = options_.server;
    runtime::MailEnvelope mail{options_.from, {options_.to}, options_.user, {}};
    if (!options_.user.empty()) {
      TRY(password, read_token(options_.token_file));
      mail.password = std::move(password);
    }
    request.mail = std::move(mail);
    request.body = mail_message(notice, origin, options_.from, options_.to, now);
    return request;
  }

  [[nodiscard]] Outcome judge(const runtime::WebAnswer& answer, WallTime) const override {
    return judge_mail(answer);
  }

 private:
  ChannelOptions options_;
};

}  // namespace

bool is_mail_address(std::string_view text) {
  const auto fits = [](char c) {
    return c > ' ' && c < 0x7f &&
           std::string_view("<>()[]\\,;:\"").find(c) == std::string_view::npos;
  };
  const auto at = text.find('@');
  return text.size() <= kAddressBytesMax && at != std::string_view::npos && at > 0 &&
         at + 1 < text.size() && text.find('@', at + 1) == std::string_view::npos &&
         std::ranges::all_of(text, fits);
}

std::string mail_message(const Notice& notice, const Origin& origin, std::string_view from,
                         std::string_view to, WallTime now) {
  const auto host = id_text(origin.host);
  const auto thread = fmt::format("<pgkeel-{}@{}>", id_text(notice.incident), host);
  const auto own =
      fmt::format("<pgkeel-{}-{}-{}@{}>", id_text(notice.incident), to_string(notice.reason),
                  notice.at.time_since_epoch().count(), host);
  return fmt::format(
             "From: pgkeel <{}>\r\nTo: <{}>\r\nSubject: {}\r\nDate: {}\r\nMessage-ID: {}\r\n"
             "References: {}\r\nIn-Reply-To: {}\r\nAuto-Submitted: auto-generated\r\n"
             "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
             "Content-Transfer-Encoding: 8bit\r\n\r\n",
             from, to, header_text(headline(notice)), mail_date(now), own, thread, thread) +
         body_lines(incident::valid_utf8(text_of(notice, origin, now)));
}

Outcome judge_mail(const runtime::WebAnswer& answer) {
  if (answer.status >= kOk && answer.status < kNotOk) return {Verdict::Delivered, {}, {}};
  const bool refused = answer.status >= kRefusedFirst && answer.status <= kRefusedLast;
  const auto words = words_of(answer.body);
  return {
      refused ? Verdict::Refused : Verdict::TryLater,
      fmt::format("the mail server said {}{}{}", answer.status, words.empty() ? "" : ": ", words),
      {}};
}

std::unique_ptr<Channel> make_email(const ChannelOptions& options) {
  return std::make_unique<Email>(options);
}

}  // namespace pgkeel::notify
