// bk_core
