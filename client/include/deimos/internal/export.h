// Which symbols a shared library shows. Everything is hidden unless it is marked with this. Not part of the public
// interface.
#pragma once

#define DEIMOS_EXPORT __attribute__((visibility("default")))
