<?php
header('Content-Type: text/plain; charset=utf-8');
foreach (['en', 'de', 'ja'] as $language) {
    echo (new NumberFormatter($language, NumberFormatter::SPELLOUT))->format(2026), "\n";
}
echo Normalizer::normalize("e\u{301}", Normalizer::FORM_C), ' by PHP ', PHP_VERSION, ', ICU ', INTL_ICU_VERSION, "\n";
