// What every use of libcurl here has in common: how it is started, what is never allowed, what its
// errors mean. Private to the room.
#pragma once

#include <curl/curl.h>

#include <map>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pgkeel::runtime::detail {

inline constexpr std::size_t kCurlHeaderBytesMax = 32U << 10U;  // a handful is all that is sent

/// Once for the process, before the first thread. Http when libcurl cannot be used.
[[nodiscard]] Result<void> start_curl();

enum class Schemes { Web, Mail };

/// Only http and https (of Mail: smtp and smtps), certificates verified, no redirect followed, no
/// signals, no descriptor inherited by a child, no proxy for a loopback address. ConfigBadValue
/// when `url` is none.
[[nodiscard]] Result<void> set_curl_rules(CURL* easy, const std::string& url,
                                          Schemes schemes = Schemes::Web);
/// Whether the URL's host is this one, by its name.
[[nodiscard]] bool is_loopback(const std::string& url);

/// "Content-Length: 3\r\n" as headers["content-length"] = "3"; other lines are left out.
void note_header(std::map<std::string, std::string>& headers, std::string_view line);

[[nodiscard]] Error curl_error(CURLcode code, const char* why);

}  // namespace pgkeel::runtime::detail
