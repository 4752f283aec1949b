#pragma once

const char *mood(void);
