// One request on its way through libcurl: its options, its limits, its answer. Private to the room.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <optional>

#include "runtime/web_client.hpp"

namespace pgkeel::runtime::detail {

/// Where the result is awaited; shared by the waiting coroutine and the transfer, because either
/// may end first. Touched on the loop's thread only.
struct WebSlot {
  std::optional<Result<WebAnswer>> result;
  Event* done = nullptr;  ///< null when nobody waits any more
};

class WebSlotGuard {
 public:
  explicit WebSlotGuard(WebSlot& slot) : slot_(&slot) {}
  ~WebSlotGuard() { slot_->done = nullptr; }
  WebSlotGuard(const WebSlotGuard&) = delete;
  WebSlotGuard& operator=(const WebSlotGuard&) = delete;

 private:
  WebSlot* slot_;
};

class WebTransfer {
 public:
  /// ConfigBadValue when the URL is none.
  static Result<std::unique_ptr<WebTransfer>> create(WebRequest request,
                                                     std::shared_ptr<WebSlot> slot);
  ~WebTransfer();
  WebTransfer(const WebTransfer&) = delete;
  WebTransfer& operator=(const WebTransfer&) = delete;

  [[nodiscard]] CURL* handle() const { return easy_; }
  /// On the loop's thread, when libcurl is done with it.
  void finish(CURLcode code);

 private:
  WebTransfer(WebRequest request, std::shared_ptr<WebSlot> slot);
  [[nodiscard]] Result<void> set_up();
  void set_up_request();
  void set_up_mail(const MailEnvelope& mail);
  [[nodiscard]] Result<WebAnswer> result_of(CURLcode code);
  static std::size_t give_body(char* into, std::size_t size, std::size_t count, void* self);
  static std::size_t take_body(char* bytes, std::size_t size, std::size_t count, void* self);
  static std::size_t take_header(char* bytes, std::size_t size, std::size_t count, void* self);

  WebRequest request_;
  std::shared_ptr<WebSlot> slot_;
  CURL* easy_ = nullptr;
  curl_slist* headers_ = nullptr;
  curl_slist* recipients_ = nullptr;
  std::size_t body_given_ = 0;
  WebAnswer answer_;
  std::size_t header_bytes_ = 0;
  bool too_large_ = false;
  char why_[CURL_ERROR_SIZE] = {};
};

}  // namespace pgkeel::runtime::detail
