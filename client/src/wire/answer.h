// An answer of the store, from text to types.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <deimos/error.h>
#include <deimos/node.h>
#include <deimos/transport.h>

#include "wire/store_dialect.h"

namespace deimos {

/// What `response` says: the answer, the store's refusal (code, message, cause, index), or errc::protocol_error with a
/// sentence about what is wrong with it. Any bytes may come in; nothing but std::bad_alloc goes out. Takes the headers
/// out of `response`.
[[nodiscard]] Result<Answer> read_answer(Response response,
                                         const StoreDialect& dialect = store_dialect(Dialect::deimos));

/// The URLs in an answer to `GET /machines` or `/v2/machines`: at least one, all with a scheme and a host.
[[nodiscard]] Result<std::vector<std::string>> read_machines(const Response& response);

}  // namespace deimos
