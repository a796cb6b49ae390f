// See web_transfer.hpp.
#include "runtime/web_transfer.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "runtime/curl_rules.hpp"

namespace pgkeel::runtime::detail {
namespace {

constexpr Millis kConnectTimeout{5'000};
constexpr long kMailRefusalsFrom = 400;  // RFC 5321, 4.2.1: 4yz not now, 5yz never

}  // namespace

WebTransfer::WebTransfer(WebRequest request, std::shared_ptr<WebSlot> slot)
    : request_(std::move(request)), slot_(std::move(slot)), easy_(curl_easy_init()) {}

WebTransfer::~WebTransfer() {
  curl_easy_cleanup(easy_);
  curl_slist_free_all(headers_);
  curl_slist_free_all(recipients_);
}

Result<std::unique_ptr<WebTransfer>> WebTransfer::create(WebRequest request,
                                                         std::shared_ptr<WebSlot> slot) {
  std::unique_ptr<WebTransfer> transfer(new WebTransfer(std::move(request), std::move(slot)));
  if (transfer->easy_ == nullptr) return fail(ErrorCode::Http, "libcurl cannot be used");
  TRY_VOID(transfer->set_up());
  return transfer;
}

Result<void> WebTransfer::set_up() {
  TRY_VOID(set_curl_rules(easy_, request_.url, request_.mail ? Schemes::Mail : Schemes::Web));
  const auto set = [this](auto option, auto value) { curl_easy_setopt(easy_, option, value); };
  set(CURLOPT_QUICK_EXIT, 1L);  // a name server that hangs holds up neither us nor the next request
  set(CURLOPT_FRESH_CONNECT, 1L);
  set(CURLOPT_FORBID_REUSE, 1L);
  set(CURLOPT_CONNECTTIMEOUT_MS,
      static_cast<long>(std::min(kConnectTimeout, request_.timeout).count()));
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(request_.timeout.count()));
  set(CURLOPT_ERRORBUFFER, &why_[0]);
  set(CURLOPT_WRITEFUNCTION, &take_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  set(CURLOPT_HEADERFUNCTION, &take_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  if (request_.mail) set_up_mail(*request_.mail);
  else set_up_request();
  return {};
}

void WebTransfer::set_up_request() {
  for (const auto& [name, value] : request_.headers)
    headers_ = curl_slist_append(headers_, fmt::format("{}: {}", name, value).c_str());
  headers_ = curl_slist_append(headers_, "Expect:");  // no round trip before a small body
  const auto set = [this](auto option, auto value) { curl_easy_setopt(easy_, option, value); };
  set(CURLOPT_HTTPHEADER, headers_);
  if (request_.method == "GET") return;
  set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  set(CURLOPT_POSTFIELDS, request_.body.data());
  set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
}

// A password never goes over a connection that others can read; nor does a message, but to a
// mail server of this host.
void WebTransfer::set_up_mail(const MailEnvelope& mail) {
  const auto set = [this](auto option, auto value) { curl_easy_setopt(easy_, option, value); };
  const bool plain = mail.user.empty() && is_loopback(request_.url);
  set(CURLOPT_USE_SSL, static_cast<long>(plain ? CURLUSESSL_NONE : CURLUSESSL_ALL));
  const auto sender = fmt::format("<{}>", mail.from);
  set(CURLOPT_MAIL_FROM, sender.c_str());
  for (const auto& address : mail.to)
    recipients_ = curl_slist_append(recipients_, fmt::format("<{}>", address).c_str());
  set(CURLOPT_MAIL_RCPT, recipients_);
  if (!mail.user.empty()) {
    set(CURLOPT_USERNAME, mail.user.c_str());
    set(CURLOPT_PASSWORD, mail.password.c_str());
  }
  set(CURLOPT_UPLOAD, 1L);
  set(CURLOPT_READFUNCTION, &give_body);
  set(CURLOPT_READDATA, static_cast<void*>(this));
}

std::size_t WebTransfer::give_body(char* into, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<WebTransfer*>(self);
  const auto& body = transfer.request_.body;
  const auto given = std::min(size * count, body.size() - transfer.body_given_);
  body.copy(into, given, transfer.body_given_);
  transfer.body_given_ += given;
  return given;
}

std::size_t WebTransfer::take_body(char* bytes, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<WebTransfer*>(self);
  const auto length = size * count;
  transfer.too_large_ = transfer.answer_.body.size() + length > transfer.request_.answer_bytes_max;
  if (transfer.too_large_) return 0;
  transfer.answer_.body.append(bytes, length);
  return length;
}

std::size_t WebTransfer::take_header(char* bytes, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<WebTransfer*>(self);
  const auto length = size * count;
  transfer.header_bytes_ += length;
  transfer.too_large_ = transfer.header_bytes_ > kCurlHeaderBytesMax;
  if (transfer.too_large_) return 0;
  note_header(transfer.answer_.headers, {bytes, length});
  return length;
}

Result<WebAnswer> WebTransfer::result_of(CURLcode code) {
  if (too_large_) return fail(ErrorCode::Http, "the answer is too large");
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  // What a mail server does not take ends libcurl's transfer; its code is an answer all the same.
  const bool refused = request_.mail && status >= kMailRefusalsFrom;
  if (code != CURLE_OK && !refused) return fail(curl_error(code, &why_[0]));
  if (code != CURLE_OK) answer_.body = curl_error(code, &why_[0]).detail;
  answer_.status = static_cast<int>(status);
  return std::move(answer_);
}

void WebTransfer::finish(CURLcode code) {
  if (slot_->done == nullptr) return;
  slot_->result.emplace(result_of(code));
  slot_->done->notify_all();
}

}  // namespace pgkeel::runtime::detail
